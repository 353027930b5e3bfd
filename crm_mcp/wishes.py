"""The arguments of a read that are ours: what a caller wants to see of its result. Pure.

They are taken out before the call is checked, and never reach the CRM.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_mcp.operation import Operation

SELECT, PAGES, FROM = "_select", "_pages", "_from"
MAX_PAGES = 20
"""A thousand records in most CRMs, far more than a result holds; no call takes longer than that."""
MAX_FIELDS = 100
MAX_PATH = 200


@dataclass(frozen=True)
class Wishes:
    """How a caller wants the result of one read.

    `fields` are the paths of those that stay in each record; none means all. `pages` is how many
    to read at most, `skip` how many items of the first to leave out. `along` are the arguments as
    they came that hold for the next call as well.
    """

    fields: tuple[str, ...] = ()
    pages: int = 1
    skip: int = 0
    along: Mapping[str, Any] = field(default_factory=dict)


def is_paged(operation: Operation) -> bool:
    """Tell whether the CRM sends a list in pages."""
    return operation.pagination is not None and operation.pagination.style != "none"


def parted(operation: Operation, arguments: Mapping[str, Any]) -> tuple[Wishes, Mapping[str, Any]]:
    """Part the arguments of a call into ours and the CRM's.

    Raises:
        InvalidArguments: ours do not fit, or the read has no pages.
    """
    ours = (SELECT, PAGES, FROM)
    if operation.is_write or not any(name in arguments for name in ours):
        return Wishes(), arguments
    problems = list(_problems(operation, arguments))
    if problems:
        raise operation.misfit(problems)
    theirs = {name: value for name, value in arguments.items() if name not in ours}
    along = {name: arguments[name] for name in (SELECT, PAGES) if arguments.get(name)}
    pages, skip = arguments.get(PAGES, 1), arguments.get(FROM, 0)
    return Wishes(_fields(arguments.get(SELECT, ())), pages, skip, along), theirs


def _fields(given: Any) -> tuple[str, ...]:
    """Read the paths: as a list, or as one text with commas."""
    paths = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(path.strip() for path in paths if path.strip()))


def _problems(operation: Operation, arguments: Mapping[str, Any]) -> Iterator[str]:
    yield from _problems_of_fields(arguments.get(SELECT, ()))
    if PAGES in arguments and not _is_whole(arguments[PAGES], 1, MAX_PAGES):
        yield f"{PAGES} must be a whole number from 1 to {MAX_PAGES}; page.next leads further"
    elif PAGES in arguments and not is_paged(operation):
        yield f"{PAGES} does not fit: this CRM sends all of this at once; leave it out"
    if FROM in arguments and not _is_whole(arguments[FROM], 0):
        yield f"{FROM} must be a whole number, 0 or more: how many items to leave out"


def _problems_of_fields(given: Any) -> Iterator[str]:
    is_list = isinstance(given, list | tuple) and all(isinstance(path, str) for path in given)
    if not is_list and not isinstance(given, str):
        yield f'{SELECT} must be fields as one text ("name,address.city") or as a list of texts'
        return
    paths = _fields(given)
    if len(paths) > MAX_FIELDS or any(len(path) > MAX_PATH for path in paths):
        yield f"{SELECT} may have {MAX_FIELDS} fields of {MAX_PATH} characters each"


def _is_whole(value: Any, least: int, most: int | None = None) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and value >= least and (most is None or value <= most)
