from typing import Any

from django.apps import AppConfig
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models.signals import post_migrate


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import checks  # noqa: F401  (registers them)

        post_migrate.connect(bring_rule_packs, sender=self)


def bring_rule_packs(*, using: str, plan: Any = None, verbosity: int = 1, **_: Any) -> None:
    """With every `migrate` the rule packs a version of the product comes with are there, before anybody thinks of them. `plan`: none where a
    database was emptied rather than migrated, which brings nothing."""
    if plan is None or using != DEFAULT_DB_ALIAS:
        return
    executor = MigrationExecutor(connections[using])
    if executor.migration_plan(executor.loader.graph.leaf_nodes("campaigns")):
        return  # it was migrated to an older state, which may have no table for them
    call_command("load_rule_packs", verbosity=verbosity)
