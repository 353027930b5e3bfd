"""What one operation of a vendor is: the only definition of the operation file.

The files in `tool_schemas/` are read into these models; `operation.schema.json` is generated
from them. The meaning of each key is told in `docs/operation-format.md`.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from crm_mcp.errors import InvalidArguments

Effect = Literal["read", "create", "update", "delete", "action"]
Trait = Literal[
    "destructive",
    "irreversible",
    "idempotent",
    "bulk",
    "outbound",
    "financial",
    "credential",
    "binary",
    "deprecated",
    "session",
]
Evidence = Literal["documented", "inferred-strong", "inferred-weak", "operator"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "WS"]
MAX_PROBLEMS = 5
MAX_EXAMPLE = 500

ArrayStyle = Literal["json", "comma", "repeat", "lines"]
PersonalKind = Literal[
    "person",
    "email",
    "phone",
    "address",
    "postcode",
    "birthday",
    "id",
    "bank",
    "personal",
]

ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)+$", max_length=48)]
KindName = Annotated[str, StringConstraints(pattern=r"^[a-z]+([_A-Z][a-z]+)*$", max_length=40)]
Pointer = Annotated[str, StringConstraints(pattern=r"^(/[^/]*)*$")]
Target = Annotated[
    str,
    StringConstraints(
        pattern=r"^(path|local(:[^#\s]+)?"
        r"|(file:)?((query|form|header)(:[^#\s]+)?(#(/.*)?)?|json(#(/.*)?)?))$"
    ),
]


class Part(BaseModel):
    """A frozen piece of an operation file; a key nobody knows is an error."""

    # Only the whole operation is ever read: a validator of its own for each part would be waste.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, defer_build=True)


class Source(Part):
    """Where the operation stands in the vendor's document, and how sure we are."""

    document: str = Field(description="File name among the vendor's documents.")
    line: int = Field(ge=1, description="Line of the operation's heading.")
    section: str = Field(description="The heading, as printed.")
    evidence: Evidence
    divergence: str = Field("", description="Why we depart from the text, where we do.")


class Rule(Part):
    """A condition between arguments that JSON Schema would say badly; exactly one key."""

    at_least_one: tuple[str, ...] = ()
    at_most_one: tuple[str, ...] = ()
    exactly_one: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    same_length: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("a rule has exactly one condition")
        return self


class Request(Part):
    """How arguments become one HTTP request; see `bind.py` for the targets."""

    method: Method
    path: str = Field(pattern=r"^/[^?#\s]*$", description="With {argument} placeholders.")
    const: dict[Target, str] = Field({}, description="Fixed values by target.")
    args_in: Literal["query", "form", "json"] = Field(
        "query", description="Where an argument goes that has no entry in bind."
    )
    bind: dict[str, Target | tuple[Target, ...]] = Field(
        {}, description="Where an argument goes instead; several targets send it to each."
    )
    arrays: dict[str, ArrayStyle] = Field(
        {}, description="How an array is written in a query or header: [1,2], 1,2, twice, by line."
    )


class Pagination(Part):
    """How a list is paged."""

    style: Literal["none", "page", "offset"]
    position: str = Field("", description="The argument that says where the page starts.")
    size: str = Field("", description="The argument that says how many to return.")
    first: int = Field(1, description="The position of the first page.")
    total: Pointer = Field("", description="Where the reply says how many there are in all.")
    whole: bool = Field(
        default=False, description="Whether the vendor sends the whole list where no size is given."
    )


class FileParts(Part):
    """A file within the data: where its row stands, and which keys of it say what."""

    at: Pointer = Field(description="The row within the data; * is any key or index.")
    content: str = Field(description="Its key with the file's bytes as base64.")
    name: str = Field("", description="Its key with the file's name.")
    type: str = Field("", description="Its key with the content type.")


class Response(Part):
    """Where the data stand in the reply, and which fields are masked."""

    data: Pointer = Field("", description="JSON pointer to what the caller wants.")
    mask: tuple[Pointer, ...] = Field(
        (), description="Pointers within the data whose values are secret; * is any key or index."
    )
    links: tuple[Pointer, ...] = Field(
        (), description="Pointers within the data to web addresses of files; * as in mask."
    )
    files: tuple[FileParts, ...] = Field(
        (), description="Files within the data, which results link to instead of holding them."
    )
    personal: dict[Pointer, PersonalKind | Literal["none"]] = Field(
        {},
        description="Pointers within the data whose values are personal although their names do "
        "not say so, or none for what only looks so; * is any key or index.",
    )
    fields: Pointer = Field(
        "",
        description="Of a read that lists the fields of a model: where their names stand within "
        "the data; * is any key or index.",
    )


class OpenFields(Part):
    """Where the CRM itself lists the fields that the open items of a write may have."""

    each: Pointer = Field(description="The array in our arguments whose items are open.")
    tool: ToolName = Field(description="The read that lists them; it says so in response.fields.")
    arguments: dict[str, Any] = Field({}, description="Those of the read that choose the model.")


class Before(Part):
    """The read that shows a record before it is changed, or why there is none."""

    tool: str = ""
    each: Pointer = Field("", description="The array in our arguments with one record an item.")
    arguments: dict[str, Pointer] = Field({}, description="The read's arguments from ours.")
    along: tuple[str, ...] = Field(
        (), description="Arguments of both that go along as they are, where they were given."
    )
    label: tuple[Pointer, ...] = Field((), description="What people call the record by.")
    fill: dict[Pointer, Pointer] = Field(
        {},
        description="Arguments (within each item) that a call may leave out, and where the record "
        "has the value that is sent then, such as its version.",
    )
    keep: dict[Pointer, Pointer] = Field(
        {},
        description="The same for what the CRM would clear if it were not sent again; what the "
        "record does not have is left out.",
    )
    may_be_missing: bool = Field(
        default=False, description="The write makes the record where there is none yet."
    )
    none: str = Field("", description="Why the vendor offers no such read.")

    @model_validator(mode="after")
    def _read_or_reason(self) -> Self:
        if bool(self.tool) == bool(self.none):
            raise ValueError("before names a tool, or says in none why there is none")
        if self.lends and not self.tool:
            raise ValueError("before fills from the record that its tool reads")
        return self

    @property
    def lends(self) -> dict[Pointer, Pointer]:
        """Where values come from that a call leaves out, by their places in our arguments."""
        return {**self.fill, **self.keep}


class Undo(Part):
    """Whether the write can be taken back."""

    kind: Literal["exact", "partial", "none"]
    tool: str = Field("", description="The inverse operation, for exact.")
    arguments: dict[str, Pointer] = Field(
        {},
        description="Of the inverse operation, from /arguments, /result, /before (as it stood) "
        "or /now. An update undone by itself gets its old values back without saying so here.",
    )
    words: dict[Pointer, dict[str, str]] = Field(
        {},
        description="For a pointer of arguments: what a value there becomes. A value without an "
        "entry stays as it is; true and false stand as JSON writes them.",
    )
    const: dict[str, Any] = Field({}, description="Arguments of the inverse that never change.")
    stays: str = Field("", description="What remains after a partial undo.")


class IdKind(Part):
    """What an id can be an id of, and the read that shows it: an entry of `_ids.json`."""

    name: KindName = Field(description="The entry's key.")
    tool: ToolName = Field(description="The read that shows the record.")
    argument: str = Field("", description="The read's argument that takes the id.")
    arguments: dict[str, Pointer] = Field({}, description="Its other arguments, from ours.")
    result: Pointer = Field("", description="Where the record, or the list, stands in the data.")
    match: Pointer | None = Field(None, description="Where the id stands in an item of a list.")
    label: tuple[Pointer, ...] = Field(min_length=1, description="What people call it by.")
    pattern: str = Field("", description="What every id of this kind looks like, in full.")
    find: ToolName | None = Field(None, description="The tool that finds the right id.")

    @model_validator(mode="after")
    def _finds_by_id(self) -> Self:
        if not self.argument and self.match is None:
            raise ValueError("a kind names the argument that takes the id, or match, or both")
        return self

    @property
    def words(self) -> str:
        """The kind as people read it."""
        return re.sub(r"_|(?=[A-Z])", " ", self.name).lower()


class ExampleRequest(Part):
    """The request an example must become, before credentials join."""

    method: Method
    path: str
    query: dict[str, str | tuple[str, ...]] = {}
    headers: dict[str, str] = {}
    form: dict[str, str] = {}
    body: Any = Field(None, alias="json")
    local: dict[str, str] = {}


class ExampleReply(Part):
    """What the vendor answers in an example."""

    status: int = 200
    headers: dict[str, str] = {}
    body: Any = Field(None, alias="json")
    text: str | None = None


class Example(Part):
    """Golden: these arguments, this request, this reply, this result."""

    title: str
    arguments: dict[str, Any]
    request: ExampleRequest
    reply: ExampleReply
    result: dict[str, Any]


class Operation(Part):
    """One documented call of a vendor, as one tool."""

    vendor: str = Field(description="The folder; never written in the file.")
    toolset: str = Field(description="The folder below it; never written in the file.")
    name: ToolName
    aliases: tuple[ToolName, ...] = ()
    title: str = Field(min_length=3, max_length=60)
    description: str = Field(min_length=20, max_length=400)
    effect: Effect
    traits: tuple[Trait, ...] = ()
    source: Source
    input_schema: dict[str, Any] = Field(alias="inputSchema")
    rules: tuple[Rule, ...] = ()
    request: Request
    pagination: Pagination | None = None
    response: Response
    before: Before | None = None
    fields: OpenFields | None = None
    undo: Undo | None = None
    ids: dict[Pointer, str] = Field(
        {},
        description="Arguments that are ids, with the kind in _ids.json, or a pointer to the "
        "argument that names it; * is any item.",
    )
    kinds: SkipJsonSchema[tuple[IdKind, ...]] = Field(
        (), description="Those that ids names; put here by the loader, never in a file."
    )
    binding: SkipJsonSchema[str] = Field(
        "", description="SHA-256 of the operator's file that gave the request; never in a file."
    )
    personal: SkipJsonSchema[dict[str, PersonalKind]] = Field(
        {}, description="What _personal.json says of fields; put here by the loader."
    )
    confirm: str = Field("", max_length=200)
    sample: str = Field("{}", description="The first example's arguments as JSON; not in a file.")
    examples: tuple[Example, ...] = Field((), description="At least one; not loaded to serve.")

    @property
    def is_write(self) -> bool:
        """Whether anything in the CRM may change."""
        return self.effect != "read"

    @property
    def asks(self) -> bool:
        """Whether a person is asked; opening our own session asks nobody."""
        return self.is_write and "session" not in self.traits

    @property
    def repeatable(self) -> bool:
        """Whether the request may be sent again although it may have arrived."""
        return self.effect == "read" or (
            "idempotent" in self.traits and self.effect in ("update", "delete")
        )

    @property
    def properties(self) -> Mapping[str, Any]:
        """The arguments' schemas by name, in the order of the file."""
        found: Mapping[str, Any] = self.input_schema.get("properties", {})
        return found

    @property
    def bound(self) -> Mapping[str, Any]:
        """Tell the record what of the operator's binding was in force; empty without one."""
        if not self.binding:
            return {}
        request = f"{self.request.method} {self.request.path}"
        return {"binding": {"sha256": self.binding, "request": request}}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that counts: an approval dies when its operation changes."""
        content = self.model_dump_json(exclude={"examples", "sample"})
        return hashlib.sha256(content.encode()).hexdigest()

    def misfit(self, problems: list[str], hint: str = "") -> InvalidArguments:
        """Make the error that lists what does not fit; unless hinted, with arguments that would."""
        shown = problems[:MAX_PROBLEMS]
        more = len(problems) - len(shown)
        message = "; ".join(shown) + (f"; and {more} more" if more else "")
        cut = len(self.sample) > MAX_EXAMPLE
        example = f"{self.sample[:MAX_EXAMPLE]} … (cut)" if cut else self.sample
        hint = hint or f"Arguments that fit, for example: {example}"
        return InvalidArguments(f"{self.name}: {message}.", hint=hint)

    def count_records(self, arguments: Mapping[str, Any]) -> int:
        """Count what one call touches: the items of a bulk call's arrays, else one."""
        if "bulk" not in self.traits:
            return 1
        return max(1, sum(len(value) for value in arguments.values() if isinstance(value, list)))


def kind_names(input_schema: Mapping[str, Any], said: str) -> tuple[str, ...]:
    """List the kinds that an entry of `ids` may mean: its own, or those that an argument names.

    Raises:
        LookupError: there is no such argument, or nothing says what it may hold.
    """
    if not said.startswith("/"):
        return (said,)
    schema: Any = input_schema
    for step in said.split("/")[1:]:
        schema = schema["properties"][step]
    return tuple(schema["enum"])
