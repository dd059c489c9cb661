"""How often a verdict on a voice is wrong, as far as a sample can tell."""

from dataclasses import dataclass
from math import sqrt

# of the normal distribution: 95 of 100 such intervals hold the true share
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Measured:
    """Of so many verdicts that somebody looked at, so many were wrong."""

    wrong: int
    checked: int

    @property
    def share(self) -> float:
        return self.wrong / self.checked if self.checked else 0.0

    @property
    def between(self) -> tuple[float, float]:
        """The true share lies in here, 95 % sure: Wilson's interval, which is honest about few and about none."""
        return wilson(self.wrong, self.checked)


def wilson(hits: int, of: int, *, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a share, each end from 0 to 1; nothing looked at may be anything."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)
