"""A read as its caller wants it: several pages as one list, and only some fields of each record.

Each page is a read of its own, through the whole pipeline. Fields are left out last, after the
answer was cleaned and personal values were hidden: a name that is not wanted still tells where
else it has to be hidden.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.preview import visible
from crm_mcp.respond import Outcome
from crm_mcp.resume import Resume, Stretch
from crm_mcp.selection import near, picked, stands
from crm_mcp.wishes import FROM, PAGES, SELECT, Wishes

AROUND = 600
"""Characters of a result beside its data, the arguments of the next call not counted."""
NO_LIST = f"This read brings no plain list: {FROM} and {PAGES} had no effect."
_MAX_SHOWN = 60

Arguments = Mapping[str, Any]
Read = Callable[[Arguments], Awaitable[Outcome]]
Report = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """One read: what is called, with which arguments of the CRM, and what its caller wants.

    `hide` takes secrets out of arguments that are told to the caller.
    """

    operation: Operation
    arguments: Arguments
    wishes: Wishes
    hide: Callable[[Any], Any]


@dataclass(frozen=True)
class _Page:
    """What one request brought of what is wanted.

    Args:
        arguments: of the request, as the caller would give them.
        skipped: items left out at its beginning.
        outcome: with data of which only the wanted fields are left.
        unknown: for each wanted field that no record has, the names that are like it.
        known: the wanted fields that a record has.
    """

    arguments: Arguments
    skipped: int
    outcome: Outcome
    unknown: Mapping[str, list[str]]
    known: frozenset[str]

    @property
    def next(self) -> Arguments | None:
        """The arguments of the next page."""
        following: Arguments | None = self.outcome.page.get("next")
        return following


async def as_wished(asked: Asked, read: Read, report: Report, room: int) -> Outcome:
    """Read as many pages as are wanted, and fit in, and make one outcome of them.

    Args:
        asked: what to read.
        read: one page; called for one after the other.
        report: is told after each page, where there may be several.
        room: for the result, in characters: no page is read of which nothing could be shown.

    Raises:
        ToolFailure: the first page could not be read. A later one that could not is told in a
            warning, beside what was read before it.
    """
    wishes = asked.wishes
    first = await read(asked.arguments)
    pages = [_page(asked, first, asked.arguments, wishes.skip)]
    failure: ToolFailure | None = None
    while failure is None and len(pages) < wishes.pages and _goes_on(pages, room):
        await report(f"page {len(pages)} of at most {wishes.pages}, {_count(pages)} records")
        arguments = _following(asked, pages[-1])
        try:
            pages.append(_page(asked, await read(arguments), arguments))
        except ToolFailure as error:
            failure = error
    if wishes.pages > 1:
        await report(f"{_count(pages)} records of {len(pages)} pages")
    return _merged(asked, pages, failure)


def _page(asked: Asked, outcome: Outcome, arguments: Arguments, skip: int = 0) -> _Page:
    data, fields = outcome.data, asked.wishes.fields
    told = {path: stands(data, path) for path in fields}
    unknown = {path: near(data, path) for path in fields if told[path] is False}
    known = frozenset(path for path in fields if told[path])
    shown = data[skip:] if isinstance(data, list) else data
    shown = picked(shown, fields) if fields else shown
    return _Page(arguments, skip, replace(outcome, data=shown), unknown, known)


def _count(pages: list[_Page]) -> int:
    return sum(len(page.outcome.data) for page in pages if isinstance(page.outcome.data, list))


def _goes_on(pages: list[_Page], room: int) -> bool:
    """Whether there is another page, and room for at least one more record like these."""
    last = pages[-1]
    if last.next is None:
        return False
    lengths = [_length(page.outcome.data) for page in pages]
    one_more = sum(lengths) / max(1, _count(pages))
    return sum(lengths) + one_more + AROUND + _length(last.next) <= room


def _length(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def _following(asked: Asked, page: _Page) -> Arguments:
    """Give the next page's arguments: as the caller gave them, with the position moved on."""
    paging = asked.operation.pagination
    position = paging.position if paging else ""
    moved = {name: value for name, value in (page.next or {}).items() if name == position}
    return {**page.arguments, **moved}


def _merged(asked: Asked, pages: list[_Page], failure: ToolFailure | None) -> Outcome:
    last = pages[-1].outcome
    warnings = [text for page in pages for text in page.outcome.warnings]
    warnings += _of_fields(pages)
    if not isinstance(last.data, list):
        if asked.wishes.skip or asked.wishes.pages > 1:
            warnings.append(NO_LIST)
        return replace(last, warnings=tuple(dict.fromkeys(warnings)))
    if failure is not None:
        told = f"{failure} {failure.hint}".strip()
        warnings.append(f"Page {len(pages) + 1} could not be read; page.next asks for it. {told}")
    resume = _resume(asked, pages, failure)
    return replace(
        last,
        data=[item for page in pages for item in page.outcome.data],
        page=_place(pages, resume),
        warnings=tuple(dict.fromkeys(warnings)),
        resume=resume,
    )


def _resume(asked: Asked, pages: list[_Page], failure: ToolFailure | None) -> Resume:
    """Keep how the list goes on at each of its items."""
    stretches = tuple(
        Stretch(asked.hide(dict(page.arguments)), page.skipped, len(page.outcome.data))
        for page in pages
    )
    after = pages[-1].next
    if after is not None and failure is not None:
        after = asked.hide(_following(asked, pages[-1]))
    along = asked.wishes.along
    following = None if after is None else {**after, **along}
    return Resume(asked.operation, stretches, along, following)


def _place(pages: list[_Page], resume: Resume) -> dict[str, Any]:
    """Say where the list stands in the whole."""
    page, skipped = pages[-1].outcome.page, pages[0].skipped
    if not page and not skipped:
        return {}
    told = {**page, "returned": _count(pages)}
    if skipped and resume.total is not None:
        told |= {"total": resume.total, "more": False}
    return told | ({"next": dict(resume.after)} if resume.after else {})


def _of_fields(pages: list[_Page]) -> list[str]:
    """Warn of wanted fields that no record of any page has."""
    known = frozenset[str]().union(*(page.known for page in pages))
    unknown = {path: names for page in pages for path, names in page.unknown.items()}
    return [_unknown(path, names) for path, names in unknown.items() if path not in known]


def _unknown(path: str, names: list[str]) -> str:
    shown = visible(path if len(path) <= _MAX_SHOWN else f"{path[:_MAX_SHOWN]}…")
    guess = f"; near: {', '.join(names)}" if names else ""
    return f"{SELECT}: no record here has {shown}{guess}."
