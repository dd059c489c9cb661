from django.db import migrations

# The pairs of telephony.rules.lifecycle.CALL; a test holds them against the table.
CALL = """
CREATE FUNCTION call_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('planned', 'dialing'), ('planned', 'ended'),
        ('dialing', 'ringing'), ('dialing', 'answered'), ('dialing', 'unresolved'), ('dialing', 'ended'),
        ('unresolved', 'dialing'), ('unresolved', 'ringing'), ('unresolved', 'answered'), ('unresolved', 'ended'),
        ('ringing', 'answered'), ('ringing', 'ended'),
        ('answered', 'connected'), ('answered', 'announcing'), ('answered', 'ended'),
        ('connected', 'announcing'), ('connected', 'ended'),
        ('announcing', 'ended')
    ) THEN
        RAISE EXCEPTION 'call % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER call_moves_forward BEFORE UPDATE OF state ON telephony_call
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION call_moves_forward();
"""
CALL_BACK = "DROP TRIGGER call_moves_forward ON telephony_call; DROP FUNCTION call_moves_forward();"

HOT = "ALTER TABLE telephony_call SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);"
HOT_BACK = "ALTER TABLE telephony_call RESET (fillfactor, autovacuum_vacuum_scale_factor);"


class Migration(migrations.Migration):
    dependencies = [("telephony", "0001_initial")]
    operations = [migrations.RunSQL(CALL, CALL_BACK), migrations.RunSQL(HOT, HOT_BACK)]
