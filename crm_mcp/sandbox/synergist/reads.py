"""Reading a table of Synergist: by model, view, key fields, words and times of change.

A parameter that is no filter of the table leaves nothing where the document lists it among the
key fields (lines 414 to 425), and is overlooked everywhere else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crm_mcp.sandbox.synergist.calls import CarryOut
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.tables import Shown, Table
from crm_mcp.sandbox.synergist.views import find_view, through
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said, as_whole
from crm_mcp.sandbox.synergist.world import EVERY_COMPANY, Record, Row, World

Test = Callable[[Row, str], bool]
"""Tells of all fields of a record and the value of a parameter whether the record belongs in."""

KEY_FIELDS = (
    *("activity", "activityid", "client", "clientcode", "clientcontact", "job", "jobphase"),
    *("supplier", "suppliercontact", "workflow"),
)


@dataclass(frozen=True)
class Listing:
    """How a table is read.

    Args:
        own: the parameters that name one record; with one of them its details are shown.
        filters: for other parameters, the fields that are compared with their values; one that
            fits is enough, and a JSON array of values is met by any of them.
        tests: for parameters that are compared in some other way.
        views: the types of its saved filters.
        keeps: which records are meant at all.
    """

    table: Table
    own: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tests: Mapping[str, Test] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    keeps: Callable[[Record], bool] = lambda _: True


def reading(listing: Listing) -> CarryOut:
    """Make the call that reads a table."""
    table = listing.table

    def carry_out(world: World, ask: Ask) -> Said:
        match ask.text("style", "modeldata").lower():
            case "modeldata":
                records = found(world, listing, ask)
                model = _model(listing, ask, records)
                return Rows([table.show(world, record, model) for record in records])
            case "modelstructure":
                return Rows(table.structure(_model(listing, ask, [])), counted=False)
            case style:
                raise RefusalError(f"invalid style {style}")

    return carry_out


def with_company(carry_out: CarryOut) -> CarryOut:
    """Make a call one that must name a company."""

    def carry_out_for_company(world: World, ask: Ask) -> Said:
        ask.required("company")
        return carry_out(world, ask)

    return carry_out_for_company


def found(world: World, listing: Listing, ask: Ask) -> list[Record]:
    """Find the records that a call asks for, in the order of its view."""
    companies = asked_companies(world, ask)
    shown = [
        (record, listing.table.whole(world, record))
        for record in world.all(listing.table.kind)
        if record.company in companies and listing.keeps(record) and _is_in_time(record, ask)
    ]
    kept = [entry for entry in shown if _fits(listing, ask, *entry)]
    number = ask.text("view")
    if not number:
        return [record for record, _ in kept]
    return through(find_view(world, listing.views, number), world, ask, kept)


def asked_companies(world: World, ask: Ask) -> frozenset[int]:
    """Tell which companies a call is about: those it names, or all; and what belongs to all.

    Raises:
        RefusalError: it names one that is not there.
    """
    named = [as_whole(text, "company") for text in ask.values("company")]
    if not named:
        named = [int(record.key) for record in world.all("company")]
    return frozenset(int(world.find("company", number).key) for number in named) | {EVERY_COMPANY}


def _model(listing: Listing, ask: Ask, records: Sequence[Record]) -> Shown:
    """Tell which model to show: the one that is named, else by whether one record is asked for."""
    name = ask.text("modelstructure")
    if name:
        return listing.table.model(name)
    asked = {value.casefold() for own in listing.own for value in ask.values(own)}
    is_one = any(str(record.key).casefold() in asked for record in records)
    return Shown.DETAILS if is_one else Shown.LIST


def _is_in_time(record: Record, ask: Ask) -> bool:
    stamp = int(record.modified.timestamp())
    return ask.number("timestampfrom", stamp) <= stamp <= ask.number("timestampto", stamp)


def _fits(listing: Listing, ask: Ask, record: Record, row: Row) -> bool:
    names = ask.values("uuid")
    if names and record.uuid not in map(str.upper, names):
        return False
    words = ask.text("search").casefold()
    if words and not any(
        words in text.casefold() for text in row.values() if isinstance(text, str)
    ):
        return False
    return all(_meets(listing, ask, row, name) for name in ask.query)


def _meets(listing: Listing, ask: Ask, row: Row, name: str) -> bool:
    compared = listing.filters.get(name, (listing.table.key,) if name in listing.own else ())
    if not (compared or name in KEY_FIELDS or name in listing.tests):
        return True
    values = ask.values(name)
    if not values:
        return True
    if name in listing.tests:
        return any(listing.tests[name](row, value) for value in values)
    wanted = {value.casefold() for value in values}
    return any(str(row[entry]).casefold() in wanted for entry in compared)
