"""The carriers we can speak to, behind one protocol (`base`). Has never heard of a row: it takes ids and values, and tells events."""
