"""SQL statements and Redis round trips of every step of a lead's life, by the size of the batch. Counted, so the same on any machine.

    python -m benchmarks.steps

On a virtual clock with the carrier in this process, real PostgreSQL and real Redis; BEGIN and COMMIT apart.
"""

from benchmarks import measure
from benchmarks.measure import Figure

SIZES = (1, 10, 50)
PROMISED = {"dispatch through originate": 16, "RANG": 4, "CONNECTED": 6, "ANSWERED": 8, "ENDED": 12, "Done": 10}


def run() -> list[Figure]:
    with measure.stage():
        by_size = {size: _costs(size) for size in SIZES}
    return [
        Figure(
            f"{step}: statements",
            max(by_size[size][step][0] for size in SIZES),
            "",
            f"at most {PROMISED[step]}" if step in PROMISED else "",
            max(by_size[size][step][0] for size in SIZES) <= PROMISED[step] if step in PROMISED else None,
            f"{said(step, 0, by_size)} statements and {said(step, 1, by_size)} Redis round trips at {', '.join(map(str, SIZES))}",
        )
        for step in by_size[SIZES[0]]
    ]


def said(step: str, which: int, by_size: dict[int, dict[str, tuple[int, int]]]) -> str:
    return ", ".join(str(by_size[size][step][which]) for size in SIZES)


def _costs(size: int) -> dict[str, tuple[int, int]]:
    import pytest
    from django.core.management import call_command

    from tests.counting import Batch
    from tests.floor import open_floor

    call_command("flush", verbosity=0, interactive=False)
    with pytest.MonkeyPatch.context() as patched:
        batch = Batch(open_floor(patched), size)
        costs = {"Ready": batch.all_ready(), "dispatch through originate": batch.dispatched(), **batch.followed(), "Done": batch.done()}
    return {step: (len(cost.statements), cost.redis) for step, cost in costs.items()}


if __name__ == "__main__":
    measure.main(run)
