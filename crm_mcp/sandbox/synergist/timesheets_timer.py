"""The timer of a pending timesheet: started, paused, resumed, stopped, or given up."""

from collections.abc import Callable
from typing import Any

from crm_mcp.sandbox.synergist.calls import Calls, CarryOut
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.timesheets_clock import CLOCKS, PAUSED, RUNNING, Clock, elapsed
from crm_mcp.sandbox.synergist.timesheets_entries import add_entry
from crm_mcp.sandbox.synergist.timesheets_table import (
    PENDING,
    TIMESHEETS,
    check_changeable,
    meant,
)
from crm_mcp.sandbox.synergist.wire import Ask, Done, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

_Change = Callable[[World, Record, Clock], Row]

_HOUR = 3600
_GIVEN_UP = ("cancel", "discard", "remove")
"""The document does not say how these differ."""


def _start(world: World, _entry: Record, clock: Clock) -> Row:
    return {clock.status: RUNNING, clock.since: world.now, clock.counted: 0}


def _pause(world: World, entry: Record, clock: Clock) -> Row:
    return {clock.status: PAUSED, clock.counted: elapsed(world, entry, clock)}


def _resume(world: World, _entry: Record, clock: Clock) -> Row:
    return {clock.status: RUNNING, clock.since: world.now}


def _stop(world: World, entry: Record, clock: Clock) -> Row:
    """Add what the clock has counted to the hours."""
    hours = f"tspHours{clock.hours}"
    counted = elapsed(world, entry, clock) / _HOUR
    return {**_no_time(clock), hours: round((entry[hours] or 0) + counted, 4)}


def _give_up(_world: World, _entry: Record, clock: Clock) -> Row:
    return _no_time(clock)


def _no_time(clock: Clock) -> Row:
    return {clock.status: "", clock.counted: 0, clock.since: None}


_ACTIONS: dict[str, tuple[_Change, tuple[str, ...]]] = {
    "start": (_start, ("",)),
    "pause": (_pause, (RUNNING,)),
    "resume": (_resume, (PAUSED,)),
    "stop": (_stop, (RUNNING, PAUSED)),
    **dict.fromkeys(_GIVEN_UP, (_give_up, (RUNNING, PAUSED))),
}
"""What an action changes, and the states in which a clock must be for it."""


def _changing(word: str, clock: Clock) -> CarryOut:
    change, states = _ACTIONS[word]

    def carry_out(world: World, ask: Ask) -> Said:
        entry = _entry(world, ask, word)
        check_changeable(entry)
        state = entry[clock.status] or ""
        if state not in states:
            raise RefusalError(f"the timer is {state.lower() or 'not running'}")
        changed = world.change(entry, change(world, entry, clock))
        return Done("", [_row(changed, clock)])

    return carry_out


def _asking(clock: Clock) -> CarryOut:
    def carry_out(world: World, ask: Ask) -> Said:
        entry = meant(world, ask)
        seconds = {clock.shown_elapsed: elapsed(world, entry, clock)}
        return Done("", [_row(entry, clock) | seconds])

    return carry_out


def _entry(world: World, ask: Ask, word: str) -> Record:
    """Find the timesheet that a call names, or begin one with the timer."""
    if word == "start" and not ask.text(PENDING):
        item: dict[str, Any] = ask.items[0]
        entry, _ = add_entry(world, item)
        return entry
    return meant(world, ask)


def _row(entry: Record, clock: Clock) -> Row:
    since = entry[clock.since]
    return {
        "tspUuid": entry.uuid,
        TIMESHEETS.key: entry.key,
        f"tspending_timerstartdate{clock.name.lower()}": (
            f"{since:%Y-%m-%d}" if since else "0000-00-00"
        ),
        clock.status: entry[clock.status] or "",
    }


TIMER: Calls = {
    ("tspending", f"timer{word}{clock.name.lower()}"): _changing(word, clock)
    for clock in CLOCKS
    for word in _ACTIONS
} | {("tspending", f"timerelapsed{clock.name.lower()}"): _asking(clock) for clock in CLOCKS}
