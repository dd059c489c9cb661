from django.db import migrations

# An outcome set once cannot change, and a concluded attempt stays concluded; a correction is a new row.
ATTEMPT = """
CREATE FUNCTION attempt_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.outcome IS NOT NULL AND NEW.outcome IS DISTINCT FROM OLD.outcome THEN
        RAISE EXCEPTION 'the outcome of attempt % is % and cannot become %', OLD.id, OLD.outcome, NEW.outcome USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state = 'concluded' AND NEW.state <> 'concluded' THEN
        RAISE EXCEPTION 'attempt % is concluded', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_moves_forward BEFORE UPDATE OF state, outcome ON campaigns_attempt
    FOR EACH ROW WHEN (OLD.state = 'concluded' OR OLD.outcome IS NOT NULL) EXECUTE FUNCTION attempt_moves_forward();
"""
ATTEMPT_BACK = "DROP TRIGGER attempt_moves_forward ON campaigns_attempt; DROP FUNCTION attempt_moves_forward();"

# A stopped or completed campaign stays so, whoever asks.
CAMPAIGN = """
CREATE FUNCTION campaign_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'campaign % is % and cannot become %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER campaign_moves_forward BEFORE UPDATE OF state ON campaigns_campaign
    FOR EACH ROW WHEN (OLD.state IN ('stopped', 'completed') AND NEW.state <> OLD.state) EXECUTE FUNCTION campaign_moves_forward();
"""
CAMPAIGN_BACK = "DROP TRIGGER campaign_moves_forward ON campaigns_campaign; DROP FUNCTION campaign_moves_forward();"

# Hot tables: room for updates within the page, and vacuum long before a fifth of the rows are dead.
HOT = """
ALTER TABLE campaigns_lead SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE campaigns_attempt SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
"""
HOT_BACK = """
ALTER TABLE campaigns_lead RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE campaigns_attempt RESET (fillfactor, autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]
    operations = [
        migrations.RunSQL(ATTEMPT, ATTEMPT_BACK),
        migrations.RunSQL(CAMPAIGN, CAMPAIGN_BACK),
        migrations.RunSQL(HOT, HOT_BACK),
    ]
