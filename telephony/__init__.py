"""Places calls and says what happened to them. Has never heard of a lead or an agent."""
