from django.db import migrations, models

# English alone becomes what lib.sentence tells: a text, or a text and its values.
TO_JSON = """
    ALTER TABLE agents_interaction ALTER COLUMN notice DROP DEFAULT, ALTER COLUMN notice TYPE jsonb USING to_jsonb(notice),
        ALTER COLUMN notice SET DEFAULT '""'::jsonb
"""
TO_TEXT = """
    ALTER TABLE agents_interaction ALTER COLUMN notice DROP DEFAULT,
        ALTER COLUMN notice TYPE varchar(200) USING left(coalesce(notice ->> 'text', notice #>> '{}', ''), 200), ALTER COLUMN notice SET DEFAULT ''
"""


class Migration(migrations.Migration):
    dependencies = [("agents", "0008_what_was_entered")]
    operations = [
        migrations.RunSQL(
            TO_JSON,
            TO_TEXT,
            state_operations=[
                migrations.AlterField(
                    model_name="interaction",
                    name="notice",
                    field=models.JSONField(
                        blank=True,
                        db_default=models.Value("", models.JSONField()),
                        default=str,
                        help_text="what the agent is told about it, until it moves on; as lib.sentence tells it",
                    ),
                )
            ],
        )
    ]
