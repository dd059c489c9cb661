"""Calling lists from files: read, told apart, and brought into a campaign. Every row ends as accepted, duplicate or rejected."""

from campaigns.imports.running import (
    Counts,
    Failed,
    Finished,
    GoesOn,
    Options,
    ReadElsewhere,
    Refused,
    Result,
    refusal,
    run,
    take_in,
    wake_silent,
)

__all__ = ["Counts", "Failed", "Finished", "GoesOn", "Options", "ReadElsewhere", "Refused", "Result", "refusal", "run", "take_in", "wake_silent"]
