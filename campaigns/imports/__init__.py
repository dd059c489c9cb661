"""Files of people to call and of numbers not to call: read, told apart, and brought in. Every row ends as accepted, duplicate or rejected."""

from campaigns.imports.batch import Options
from campaigns.imports.running import (
    Counts,
    Failed,
    Finished,
    GoesOn,
    ReadElsewhere,
    Refused,
    Result,
    refusal,
    run,
    take_in,
    wake_silent,
)

__all__ = ["Counts", "Failed", "Finished", "GoesOn", "Options", "ReadElsewhere", "Refused", "Result", "refusal", "run", "take_in", "wake_silent"]
