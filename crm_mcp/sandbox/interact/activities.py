"""The activities of interact.io: what happened to notes and interactions, newest first."""

from collections.abc import Callable
from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm
from crm_mcp.sandbox.interact.views import interaction_row, note_row, user_name
from crm_mcp.sandbox.interact.wire import Ask, Row, Said, page
from crm_mcp.sandbox.interact.world import Record, World

_ROWS: dict[str, Callable[[World, Record], Row]] = {
    "note": note_row,
    "interaction": interaction_row,
}


def state_of(world: World, record: Record) -> Row:
    """Show a note or an interaction as activities keep it."""
    return _ROWS[record.kind](world, record)


def insert(world: World, user: Record, record: Record) -> None:
    """Write down that a note or an interaction was made."""
    _write(world, user, record, "insert", {"newState": state_of(world, record)})


def update(world: World, user: Record, record: Record, data: Row) -> None:
    """Change a note or an interaction, and write that down."""
    before = state_of(world, record)
    world.change(record, data)
    states = {"oldState": before, "newState": state_of(world, record)}
    _write(world, user, record, "update", states)


def delete(world: World, user: Record, record: Record) -> None:
    """Delete a note or an interaction, and write that down."""
    before = state_of(world, record)
    world.drop(record)
    _write(world, user, record, "delete", {"oldState": before})


def _write(world: World, user: Record, record: Record, action: str, states: Row) -> None:
    row = {
        "action": action,
        "entity": states,
        "entityId": record.id,
        "entityType": record.kind,
        "relatedTo": {"id": user.id, "displayName": user_name(user)},
        "time": world.now,
    }
    world.activities.append((user.id, row))


def _list(world: World, user: Record, ask: Ask) -> Said:
    rows = [row for owner, row in reversed(world.activities) if owner == user.id]
    return Said(page(ask, rows, lambda row: row))


CALLS: Calls = MappingProxyType(
    {"interact_activities_list": Entry(_list, Action.VIEW, Realm.ACTIVITIES)}
)
