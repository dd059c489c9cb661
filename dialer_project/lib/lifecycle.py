"""A lifecycle is a table `state -> {event: next state}`; this module reads such tables and draws them.

The tables are the only list of legal moves: compare-and-set updates, Lua scripts, database triggers and the diagrams in the docs all
read them. Effects of a move live in the step of the flow that made it, never here.
"""

from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=Hashable)

Lifecycle = Mapping[S, Mapping[E, S]]


class IllegalMove(Exception):
    """The lifecycle has no such move from this state."""


def move(table: Lifecycle[S, E], state: S, event: E) -> S:
    """The state after `event`; raises IllegalMove where the table has none."""
    try:
        return table[state][event]
    except KeyError:
        raise IllegalMove(f"{event} is no move from {state}") from None


def states_before(table: Lifecycle[S, E], event: E) -> tuple[S, ...]:
    """The states from which `event` is a legal move: what a compare-and-set may find."""
    return tuple(state for state, moves in table.items() if event in moves)


def after(table: Lifecycle[S, E], event: E) -> S:
    """The one state `event` leads to, wherever it is legal; raises IllegalMove if it leads to several or none."""
    found = {moves[event] for moves in table.values() if event in moves}
    if len(found) != 1:
        raise IllegalMove(f"{event} leads to {sorted(found) or 'nothing'}, not to one state")
    return found.pop()


def reachable(table: Lifecycle[S, E], state: S) -> frozenset[S]:
    """Every state that can follow `state`, itself not counted unless it lies on a cycle."""
    seen: set[S] = set()
    todo = [state]
    while todo:
        for nxt in table.get(todo.pop(), {}).values():
            if nxt not in seen:
                seen.add(nxt)
                todo.append(nxt)
    return frozenset(seen)


def is_final(table: Lifecycle[S, E], state: S) -> bool:
    return not table.get(state)


def mermaid(table: Lifecycle[S, E], *, start: S) -> str:
    """The table as a Mermaid state diagram, one line per move, moves between the same two states joined."""
    lines = ["stateDiagram-v2", f"    [*] --> {start}"]
    for state, moves in table.items():
        by_target: dict[S, list[str]] = {}
        for event, nxt in moves.items():
            by_target.setdefault(nxt, []).append(str(event))
        lines += [f"    {state} --> {nxt}: {_joined(events)}" for nxt, events in by_target.items()]
        if not moves:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines)


def _joined(words: Iterable[str]) -> str:
    return ", ".join(word.replace("_", " ") for word in words)
