"""What every resource can: its list, one record, a new one, a change and an end, by its path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from crm_mcp.bind import placeholders
from crm_mcp.operation import Operation
from crm_mcp.sandbox.cirrus.arguments import MASK
from crm_mcp.sandbox.cirrus.finding import matching, ordered, page
from crm_mcp.sandbox.cirrus.shapes import Row, Table
from crm_mcp.sandbox.cirrus.tables import TABLES
from crm_mcp.sandbox.cirrus.world import World, not_found
from crm_mcp.sandbox.cirrus.writing import save

Arguments = Mapping[str, Any]

_NONE = Table("none", (), (), ())


@dataclass(frozen=True)
class Ask:
    """One call of a resource."""

    world: World
    operation: Operation
    arguments: Arguments
    table: Table

    @property
    def in_path(self) -> Row:
        """What the path says, by column."""
        names = placeholders(self.operation.request.path)
        return {column(self.table, name): self.arguments[name] for name in names}

    @property
    def body(self) -> Row:
        """What is to be written; an argument may be all of it."""
        request = self.operation.request
        left_out = {MASK, *placeholders(request.path)}
        body: Row = {}
        for name, value in self.arguments.items():
            if name not in left_out:
                body |= value if request.bind.get(name) == "json" else {name: value}
        return body

    def found(self) -> Row | None:
        """Find the record that the path names."""
        return self.world.find(self.table.name, **self.in_path)

    def need(self) -> Row:
        """Find the record that the path names, or say that there is none."""
        row = self.found()
        if row is None:
            raise not_found(self.table.name, "/".join(map(str, self.in_path.values())))
        return row

    def need_owners(self) -> None:
        """Say so when what the path leads through is not there."""
        for name, key in self.in_path.items():
            one = self.table.field_of(name)
            if one and one.refers:
                self.world.need(one.table, key)

    def show(self, row: Row) -> Row:
        """Show a record."""
        return self.world.show_one(self.table.name, row)


def column(table: Table, name: str) -> str:
    """Name the column of a placeholder in a path."""
    return table.columns.get(name, name)


@lru_cache(maxsize=1024)
def table_of(path: str) -> Table:
    """Find the table whose path a request's path is, or goes on from; some have none."""
    fitting = [
        (len(own), table)
        for table in TABLES.values()
        for own in table.paths
        if path == own or path.startswith(f"{own}/")
    ]
    return max(fitting, key=lambda one: one[0], default=(0, _NONE))[1]


def listed(ask: Ask) -> Any:
    """List records; all of them where the operation knows no pages."""
    ask.need_owners()
    rows = matching(ask.world, ask.table, ask.arguments)
    rows = ordered(ask.world, ask.table, rows, ask.arguments.get("sorting"))
    items = [ask.show(row) for row in rows]
    return page(items, ask.arguments) if "per_page" in ask.arguments else items


def got(ask: Ask) -> Any:
    """Show one record, or a list of them."""
    return listed(ask) if ask.operation.pagination else ask.show(ask.need())


def created(ask: Ask) -> Any:
    """Make a record."""
    return ask.show(save(ask.world, ask.table, ask.body, None, {}))


def updated(ask: Ask) -> Any:
    """Change a record, or make it where its kind allows that."""
    if ask.table.upsert:
        ask.need_owners()
    row = ask.found() if ask.table.upsert else ask.need()
    return ask.show(save(ask.world, ask.table, ask.body, row, ask.in_path))


def deleted(ask: Ask) -> Any:
    """End a record; nothing is said of it."""
    ask.world.remove(ask.table.name, ask.need()["id"])


METHODS: Mapping[str, Callable[[Ask], Any]] = MappingProxyType(
    {"GET": got, "POST": created, "PUT": updated, "DELETE": deleted}
)
