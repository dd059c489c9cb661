from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0009_a_notice_in_any_language")]
    operations = [
        migrations.AddField(
            model_name="user",
            name="language",
            field=models.CharField(blank=True, db_default="", help_text="what their console speaks; empty: as their browser asks", max_length=10),
        )
    ]
