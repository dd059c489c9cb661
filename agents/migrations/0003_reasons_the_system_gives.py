from django.db import migrations

# A reason the flow names by its code must be there in every installation, or an agent is Not Ready without a reason.
REASONS = {
    "login": "Signed in",
    "no_answer": "No answer",
    "connection_lost": "Connection lost",
    "phone_lost": "Phone lost",
    "wrap_up_expired": "Wrap-up ran out",
    "supervisor": "Set by a supervisor",
}


def write(apps, schema_editor):
    reasons = apps.get_model("agents", "NotReadyReason")
    for code, label in REASONS.items():
        reasons.objects.get_or_create(code=code, defaults={"label": label, "system": True, "position": 100})


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_closed_stays_closed")]
    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
