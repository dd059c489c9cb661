from django.db import migrations

# Registers loaded before entries named them.
REGISTERS = """
UPDATE campaigns_donotcalllist SET version = 1;
UPDATE campaigns_donotcall d SET register_id = l.id, version = 1 FROM campaigns_donotcalllist l WHERE d.source = l.name AND d.campaign_id IS NULL;
"""

# An entry goes with an approved removal, or when its register has a newer version without it. Nobody edits one; its end only moves away.
ENTRY = """
CREATE FUNCTION do_not_call_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT 1 FROM campaigns_donotcallremoval r WHERE r.entry_id = OLD.id AND r.number_key = OLD.number_key AND r.state = 'approved')
            OR EXISTS (SELECT 1 FROM campaigns_donotcalllist l WHERE l.id = OLD.register_id AND OLD.version < l.version) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'do-not-call entry % stays until a second person has approved its removal', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.number_key, NEW.campaign_id, NEW.register_id, NEW.created_at) IS DISTINCT FROM
            (OLD.number_key, OLD.campaign_id, OLD.register_id, OLD.created_at)
        OR NEW.version < OLD.version
        OR coalesce(NEW.expires_at, 'infinity') < coalesce(OLD.expires_at, 'infinity') THEN
        RAISE EXCEPTION 'do-not-call entry % cannot be weakened', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER do_not_call_stays BEFORE DELETE OR UPDATE ON campaigns_donotcall FOR EACH ROW EXECUTE FUNCTION do_not_call_stays();
"""
ENTRY_BACK = "DROP TRIGGER do_not_call_stays ON campaigns_donotcall; DROP FUNCTION do_not_call_stays();"

# What was asked and decided is kept as it was.
REMOVAL = """
CREATE FUNCTION removal_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the removal % is kept as it was', OLD.id USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER removal_is_kept BEFORE DELETE ON campaigns_donotcallremoval FOR EACH ROW EXECUTE FUNCTION removal_stays();
CREATE TRIGGER removal_stays_decided BEFORE UPDATE ON campaigns_donotcallremoval
    FOR EACH ROW WHEN (OLD.state <> 'asked' OR (NEW.entry_id, NEW.number_key, NEW.reason, NEW.asked_by_id, NEW.asked_at) IS DISTINCT FROM
        (OLD.entry_id, OLD.number_key, OLD.reason, OLD.asked_by_id, OLD.asked_at)) EXECUTE FUNCTION removal_stays();
"""
REMOVAL_BACK = """
DROP TRIGGER removal_is_kept ON campaigns_donotcallremoval;
DROP TRIGGER removal_stays_decided ON campaigns_donotcallremoval;
DROP FUNCTION removal_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0006_do_not_call_for_good")]
    operations = [
        migrations.RunSQL(REGISTERS, migrations.RunSQL.noop),
        migrations.RunSQL(ENTRY, ENTRY_BACK),
        migrations.RunSQL(REMOVAL, REMOVAL_BACK),
    ]
