"""Lists to choose a value from, as the screens of Synergist fill their menus."""

from collections.abc import Iterable

from crm_mcp.sandbox.synergist.wire import Rows
from crm_mcp.sandbox.synergist.world import Key, Record, Row

BLANK = "- Blank -"


def choice(row: Row, *, selected: bool = False) -> Row:
    """Show one value to choose."""
    return {**row, "variable_selected": selected}


def choices(
    records: Iterable[Record],
    key: str,
    text: str,
    *,
    chosen: Iterable[Key] = (),
    blank: Key | None = None,
) -> Rows:
    """Show records to choose from, by key and text.

    Args:
        records: what there is to choose.
        key: the name under which the keys of the records are shown.
        text: the field that is shown beside them.
        chosen: the keys of those that are chosen already.
        blank: the key of the choice of nothing, where there is one.
    """
    keys = frozenset(chosen)
    first = [] if blank is None else [choice({key: blank, text: BLANK})]
    rest = [
        choice({key: record.key, text: record[text]}, selected=record.key in keys)
        for record in records
    ]
    return Rows([*first, *rest])
