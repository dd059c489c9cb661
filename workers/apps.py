from django.apps import AppConfig


class WorkersConfig(AppConfig):
    name = "workers"

    def ready(self) -> None:
        # so that lib.wake publishes with this project's settings in every process, not only in workers
        import workers.celery  # noqa: F401  (the import is what is wanted)
