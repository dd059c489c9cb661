from django.db import migrations

# as it was given; a label that somebody has changed stays
BEFORE, SINCE = "No answer", "No answer/record not accepted"


def says_both(apps, schema_editor):
    apps.get_model("agents", "NotReadyReason").objects.filter(code="no_answer", label=BEFORE).update(label=SINCE)


class Migration(migrations.Migration):
    dependencies = [("agents", "0015_watched")]
    operations = [migrations.RunPython(says_both, migrations.RunPython.noop)]
