"""The hot projection in Redis of who is free right now; rebuilt from PostgreSQL whenever it is lost."""
