from django.db import migrations

CLOSED = """
CREATE FUNCTION interaction_stays_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'interaction % is closed and cannot become %', OLD.id, NEW.phase USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER interaction_stays_closed BEFORE UPDATE OF phase ON agents_interaction
    FOR EACH ROW WHEN (OLD.phase = 'closed' AND NEW.phase <> 'closed') EXECUTE FUNCTION interaction_stays_closed();
CREATE FUNCTION session_version_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the session of agent % is at version %, % would be older', OLD.agent_id, OLD.version, NEW.version USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER session_version_rises BEFORE UPDATE OF version ON agents_session
    FOR EACH ROW WHEN (NEW.version < OLD.version) EXECUTE FUNCTION session_version_rises();
"""
CLOSED_BACK = """
DROP TRIGGER interaction_stays_closed ON agents_interaction; DROP FUNCTION interaction_stays_closed();
DROP TRIGGER session_version_rises ON agents_session; DROP FUNCTION session_version_rises();
"""

HOT = """
ALTER TABLE agents_session SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE agents_interaction SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
"""
HOT_BACK = """
ALTER TABLE agents_session RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE agents_interaction RESET (fillfactor, autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]
    operations = [migrations.RunSQL(CLOSED, CLOSED_BACK), migrations.RunSQL(HOT, HOT_BACK)]
