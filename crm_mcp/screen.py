"""Between one call and its caller: tokens become values on the way in, values marks on the way out.

The call itself, the person who is asked, and the record of writes see the values as they are. The
caller sees none of them, whether they come as data, in the CRM's words, or in a preview.
"""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from crm_mcp import preview
from crm_mcp.bind import bind
from crm_mcp.compare import Difference, Look
from crm_mcp.errors import InvalidArguments, ToolFailure
from crm_mcp.guard import BoundCall
from crm_mcp.known import Known
from crm_mcp.marks import MARK, Masks, OpenError, SealError, hidden
from crm_mcp.operation import Operation
from crm_mcp.personal import holds_codes, is_part_of_name, names_firm
from crm_mcp.private import Span, apart, private
from crm_mcp.redact import Redactor
from crm_mcp.respond import Outcome
from crm_mcp.vendors.base import FailedItem
from crm_mcp.walk import Shown, Walk

TOO_MUCH = (
    "What was too large or too deep to be searched for personal data is hidden; ask for less."
)
NOT_SEALED = "Some personal values could not be turned into tokens and are hidden."
UNREADABLE = "Contents that cannot be searched for personal data are hidden."
ABRIDGED = "Personal values are hidden here. The person sees the values, and the CRM gets them."

_APART = ("data", "page", "not_done", "warnings", "status", "simulated", "resume")
_DEEPEST = 60  # deeper arguments are refused anyway
_SHORTEST_NAME = 3
_LONG = 200
_ENCODED = re.compile(
    r"(?<![A-Za-z0-9+/_=-])(?:[A-Za-z0-9+/_=-]{200,}|(?:[A-Za-z0-9+/_=-]{60,76}\r?\n){3,})"
)


class Screen:
    """What hides personal values from the caller of one call.

    Args:
        marks: what stands in the place of values in this account.
        operation: what is called.
        given: the arguments as the caller gave them.

    Raises:
        InvalidArguments: a mark, or a token that is none of this account, stands among them.
    """

    def __init__(self, marks: Masks, operation: Operation, given: Mapping[str, Any]) -> None:
        self._marks = marks
        self._operation = operation
        self._given = given
        self._known = Known()
        self._sealed: dict[tuple[str, Any], str] = {}
        self._warnings: dict[str, None] = {}
        self.arguments = {name: self._argument(name, value) for name, value in given.items()}
        Walk(operation, self._sent, lambda text, _: text).value(self.arguments)

    def outcome(self, outcome: Outcome) -> Outcome:
        """Hide what an outcome tells; the data come first, because they tell the names."""
        data = self._data(outcome.data)
        not_done = tuple(self._item(entry) for entry in outcome.not_done)
        rest = {
            one.name: self._value(getattr(outcome, one.name))
            for one in fields(outcome)
            if one.name not in _APART
        }
        page = self._page(outcome.page)
        warnings = [self._text(text) for text in outcome.warnings]
        shown = replace(outcome, data=data, not_done=not_done, page=page, **rest)
        return replace(shown, warnings=(*warnings, *self._warnings))

    def failure(self, failure: ToolFailure) -> ToolFailure:
        """Hide what an error tells; the example in a hint is no data of the CRM."""
        failure.details = self._value(failure.details)
        failure.message = self._text(failure.message)
        failure.vendor_code = self._text(failure.vendor_code)
        if failure.hint != self._operation.misfit([]).hint:
            failure.hint = self._text(failure.hint)
        return failure

    def preview(self, call: BoundCall, context: preview.Context, redactor: Redactor) -> str:
        """Write a preview for the caller: of the same call, with what the caller may see."""
        looks = tuple(self._look(look) for look in context.looks)
        arguments = self._value(call.arguments)
        shown = replace(call, arguments=arguments, spec=bind(call.operation, arguments))
        # Made anew, so that what is added to a preview does not reach the caller unseen.
        allowed = preview.Context(
            base_url=context.base_url,
            looks=looks,
            repeated={self._text(text): tool for text, tool in context.repeated.items()},
            unlisted=tuple(self._text(text) for text in context.unlisted),
            word=context.word,
        )
        return Shown(f"{preview.render(shown, allowed, redactor)}\n\n{ABRIDGED}")

    def _argument(self, name: str, value: Any) -> Any:
        try:
            return self._opened(value, 0)
        except OpenError as error:
            misfit = self._operation.misfit([f"{name[:60]} {error.reason}"])
            raise InvalidArguments(f"{misfit.message} Nothing was sent.", hint=error.hint) from None

    def _opened(self, value: Any, depth: int) -> Any:
        """Put the values in the place of their tokens, in names and texts."""
        if isinstance(value, str):
            found = MARK.fullmatch(value)
            return self._open(found) if found else MARK.sub(lambda one: str(self._open(one)), value)
        if depth > _DEEPEST:
            return value
        if isinstance(value, list):
            return [self._opened(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {
                str(self._opened(name, depth)): self._opened(item, depth + 1)
                for name, item in value.items()
            }
        return value

    def _open(self, found: re.Match[str]) -> Any:
        value = self._marks.open(found)
        self._known.add(found["kind"], str(value))
        return value

    def _sent(self, kind: str, value: Any, _: str) -> Any:
        self._known.add(kind, str(value))
        return value

    def _data(self, data: Any) -> Any:
        walk = self._walk()
        return self._told(walk, walk.data(data, self._operation.response.personal))

    def _value(self, value: Any) -> Any:
        walk = self._walk()
        return self._told(walk, walk.value(value))

    def _walk(self) -> Walk:
        return Walk(self._operation, self._hide, self._text)

    def _told(self, walk: Walk, shown: Any) -> Any:
        if walk.unsearched:
            self._warnings[TOO_MUCH] = None
        return shown

    def _item(self, entry: FailedItem) -> FailedItem:
        shown = self._value(entry.as_dict())
        return FailedItem(shown["item"], tuple(shown["errors"]))

    def _page(self, page: dict[str, Any]) -> dict[str, Any]:
        """Give the arguments of the next page as the caller gave those of this one."""
        shown: dict[str, Any] = self._value(page)
        same = {
            name: self._given[name]
            for name, value in page.get("next", {}).items()
            if name in self._given and self.arguments[name] == value
        }
        return shown | ({"next": shown["next"] | same} if same else {})

    def _look(self, look: Look) -> Look:
        label = tuple(self._value({name: value}).popitem() for name, value in look.label)
        differences = tuple(self._difference(found) for found in look.differences)
        return Look(label, self._value(look.record), differences)

    def _difference(self, found: Difference) -> Difference:
        """Hide both sides of a field; a dotted name says whose record it is in."""
        owner, _, field = found.name.rpartition(".")
        pair = [{field: found.before}, {field: found.after}]
        shown = self._value({owner: pair} if owner else pair)
        sides = next(iter(shown.values())) if owner else shown
        (name, before), (_, after) = (one.popitem() for one in sides)
        whole = f"{self._text(owner)}.{name}" if owner else name
        return replace(found, name=whole, before=before, after=after)

    def _hide(self, kind: str, value: Any, name: str) -> str:
        """Hide a value that its field gives away; a person's name is hidden in texts as well."""
        if kind == "person" and isinstance(value, str):
            is_part = len(value) >= _SHORTEST_NAME and is_part_of_name(name)
            if is_part or len(value.split()) > 1:
                self._known.add_name(kind, value)
        return self._seal(kind, value)

    def _seal(self, kind: str, value: Any) -> str:
        """Give what stands in the place of a value; where no token can, its mark."""
        key = (kind, value)
        if key not in self._sealed:
            try:
                self._sealed[key] = self._marks.seal(kind, value)
            except SealError:
                self._warnings[NOT_SEALED] = None
                self._sealed[key] = hidden(kind)
        return self._sealed[key]

    def _text(self, text: str, name: str = "") -> str:
        """Hide what can be found in a text: addresses, numbers, known values, and false marks."""
        if len(text) >= _LONG and _ENCODED.search(text):
            self._warnings[UNREADABLE] = None
            return self._seal("personal", text)
        is_code = " " not in text and holds_codes(name)
        found = private(text, numbers=not is_code)
        if "<" in text or "&" in text or "%3" in text:
            found += [Span(*one.span(), "personal", one[0]) for one in MARK.finditer(text)]
        found += self._known.spans(text, singles=not names_firm(name), cut=not is_code)
        return self._replaced(text, apart(text, found)) if found else text

    def _replaced(self, text: str, spans: list[Span]) -> str:
        pieces, at = [], 0
        for span in spans:
            pieces += [text[at : span.start], self._seal(span.kind, span.value)]
            at = span.end
        return "".join((*pieces, text[at:]))
