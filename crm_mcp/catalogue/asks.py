"""Four tools of our own that reach every other tool: find, describe, call to read, call to write.

A client that lists only everyday tools, or takes no more than a few, has all of them this way.
What is called through them goes the same way as any call, under its own name.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crm_mcp.errors import InvalidArguments

FIND, DESCRIBE = "crm_find_tools", "crm_describe_tool"
CALL_READ, CALL_WRITE = "crm_call_read", "crm_call_write"


class Ask(BaseModel):
    """The arguments of one of these tools."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    writes: ClassVar[bool] = False
    hints: ClassVar[Mapping[str, bool]] = {"readOnlyHint": True, "openWorldHint": False}

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self:
        """Read the arguments.

        Raises:
            InvalidArguments: names each that does not fit.
        """
        try:
            return cls.model_validate(dict(arguments))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'the arguments'}: {one['msg']}"
                for one in error.errors(include_url=False, include_input=False)
            )
            schema = json.dumps(cls.entry()["inputSchema"]["properties"], ensure_ascii=False)
            raise InvalidArguments(f"{cls.tool}: {problems}.", hint=f"It takes {schema}") from None

    @classmethod
    def entry(cls) -> dict[str, Any]:
        """Write this tool's entry of `tools/list`."""
        schema = cls.model_json_schema()
        for part in schema["properties"].values():
            part.pop("title", None)
        return {
            "name": cls.tool,
            "title": cls.title,
            "description": cls.description,
            "inputSchema": {
                "type": "object",
                "properties": schema["properties"],
                "required": schema.get("required", []),
                "additionalProperties": False,
            },
            "annotations": cls.hints,
        }


class FindTools(Ask):
    """Ask which tools fit some words."""

    tool = FIND
    title = "Find tools by words"
    description = (
        "Find the right tool among all tools of the connected CRMs, those that are not listed "
        "included, by what you want to do in ordinary words. Returns the best, with effect and "
        "required arguments; then use crm_describe_tool, and crm_call_read or crm_call_write."
    )

    query: str = Field(min_length=1, max_length=200, description="Such as: add note to customer.")
    vendor: str = Field("", description="Only tools of this CRM, by the beginning of their names.")
    effect: Literal["", "read", "create", "update", "delete", "action"] = Field(
        "", description="Only tools with this effect."
    )
    limit: int = Field(8, ge=1, le=25, description="How many at most.")


class DescribeTool(Ask):
    """Ask what one tool does."""

    tool = DESCRIBE
    title = "Describe a tool"
    description = (
        "Describe one tool by its name: what it does, all its arguments with an example, the data "
        "of its answer, and whether a person is asked first."
    )

    name: str = Field(max_length=100, description="Its name.")


class CallTool(Ask):
    """Call another tool."""

    name: str = Field(max_length=100, description="The tool's name.")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Its arguments, as crm_describe_tool shows them."
    )

    @field_validator("arguments", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """Read an object that came as text, as some clients send it."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value or "{}")
        except ValueError as error:
            raise ValueError(f"must be an object; the text is not JSON: {error}") from None


class CallRead(CallTool):
    """Call a tool that reads."""

    tool = CALL_READ
    title = "Call a tool that reads"
    description = (
        "Call any tool that only reads, listed or not, by its name; refuses what changes data. "
        "Among its arguments, _select names the only fields you need: dotted, with commas."
    )
    hints: ClassVar[Mapping[str, bool]] = {"readOnlyHint": True}


class CallWrite(CallTool):
    """Call a tool that writes."""

    tool = CALL_WRITE
    title = "Call a tool that writes"
    description = (
        "Call any tool that changes data, listed or not, by its name. A person is shown the "
        "change and must approve it first, exactly as if the tool were called itself."
    )
    writes = True
    hints: ClassVar[Mapping[str, bool]] = {"readOnlyHint": False}


TOOLS: Mapping[str, type[Ask]] = {
    ask.tool: ask for ask in (FindTools, DescribeTool, CallRead, CallWrite)
}
