import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The table of recordings is made anew: nothing has ever written into the one before."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("telephony", "0008_where_browsers_connect"),
    ]

    operations = [
        migrations.DeleteModel("Recording"),
        migrations.CreateModel(
            name="Recording",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("bridge", models.UUIDField(help_text="the conversation that is recorded")),
                ("name", models.CharField(help_text="at the node, and of the file; drawn by lot", max_length=120, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("wanted", "Wanted"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("ended", "Ended"),
                            ("stored", "Stored"),
                            ("lost", "Lost"),
                            ("deleted", "Deleted"),
                        ],
                        default="wanted",
                        max_length=8,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("seconds", models.FloatField(blank=True, null=True)),
                (
                    "pauses",
                    models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, help_text="from and until, each"),
                ),
                (
                    "fetch_at",
                    models.DateTimeField(blank=True, help_text="its file is to be fetched, or removed from the node, after this", null=True),
                ),
                ("tries", models.PositiveSmallIntegerField(db_default=0, default=0, help_text="times its file was asked for in vain")),
                ("file", models.FileField(blank=True, db_default="", max_length=200, upload_to="")),
                ("size", models.BigIntegerField(blank=True, help_text="bytes", null=True)),
                ("stored_at", models.DateTimeField(blank=True, null=True)),
                ("keep_for", models.DurationField(blank=True, help_text="empty: for ever", null=True)),
                ("delete_at", models.DateTimeField(blank=True, null=True)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "call",
                    models.ForeignKey(
                        help_text="the customer's leg",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recordings",
                        to="telephony.call",
                    ),
                ),
                (
                    "node",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="telephony.node"),
                ),
            ],
            options={
                "permissions": [("play_recording", "Can listen to recordings")],
                "indexes": [
                    models.Index(fields=["fetch_at"], name="recording_fetch", condition=models.Q(fetch_at__isnull=False)),
                    models.Index(fields=["delete_at"], name="recording_delete", condition=models.Q(state="stored", delete_at__isnull=False)),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["bridge"], name="one_recording_at_a_time", condition=models.Q(state__in=["wanted", "running", "paused"])
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RecordingPlay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
                (
                    "recording",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="plays", to="telephony.recording"),
                ),
                (
                    "user",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
    ]
