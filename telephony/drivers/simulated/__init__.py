"""A carrier that is a seeded world: the same engine on a virtual clock in tests, and as a process of its own on the real one."""
