"""What the official suite calls by name: tools, prompts and resources, for checks only.

They stand in front of our own handlers, by name, in our own server object: every request goes
through our middleware, our seal of the request state and our dispatch, and whatever has another
name is answered by the product. Lists tell the product's entries first, then these.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import Server
from mcp.server.context import CallNext, HandlerResult
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ServerEvent,
    ToolsListChanged,
)
from mcp_types import (
    METHOD_NOT_FOUND,
    AudioContent,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    ContentBlock,
    EmbeddedResource,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    ImageContent,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    PromptMessage,
    PromptReference,
    ReadResourceRequestParams,
    ReadResourceResult,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from conformance.questions import QUESTIONS, Answer, Context, Handler, an_object, form, text

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA=="
STEP_SECONDS = 0.05
TEMPLATE = "test://template/{id}/data"
BEFORE, AFTER = TEMPLATE.split("{id}")

IMAGE = ImageContent(type="image", data=PNG, mime_type="image/png")
NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
WORDS = {"type": "string"}
RICH_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": WORDS, "city": WORDS},
        }
    },
    "properties": {
        "name": WORDS,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": WORDS,
        "email": WORDS,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "test_elicitation": an_object(message=WORDS),
    "test_sampling": an_object(prompt=WORDS),
    "test_x_mcp_header": an_object(region={"type": "string", "x-mcp-header": "Region"}),
    "json_schema_2020_12_tool": RICH_SCHEMA,
}


def embedded(uri: str, mime_type: str, words: str) -> EmbeddedResource:
    """Put a text resource into a content list."""
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=words)
    return EmbeddedResource(type="resource", resource=resource)


def says(*content: ContentBlock) -> Handler:
    """Make a tool that always answers the same."""

    async def handle(_: Context, __: CallToolRequestParams) -> Answer:
        return CallToolResult(content=list(content))

    return handle


async def fails(_: Context, __: CallToolRequestParams) -> Answer:
    """Answer an error of the tool."""
    return text("This tool intentionally returns an error for testing", is_error=True)


async def tells_progress(ctx: Context, _: CallToolRequestParams) -> Answer:
    """Report three steps."""
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100, f"{done} of 100")
        await anyio.sleep(STEP_SECONDS)
    return text("Three steps were reported.")


async def logs(ctx: Context, _: CallToolRequestParams) -> Answer:
    """Log three lines."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", line, related_request_id=ctx.request_id)
        await anyio.sleep(STEP_SECONDS)
    return text("Three lines were logged.")


async def reconnects(ctx: Context, _: CallToolRequestParams) -> Answer:
    """Close the stream of its own answer, which the client then fetches on another."""
    if ctx.close_sse_stream is not None:
        await ctx.close_sse_stream()
    await anyio.sleep(4 * STEP_SECONDS)
    return text("Reconnection test completed")


def announces(bus: InMemorySubscriptionBus, event: ServerEvent) -> Handler:
    """Make a tool that tells subscribers of an event."""

    async def handle(_: Context, __: CallToolRequestParams) -> Answer:
        await bus.publish(event)
        return text("Announced.")

    return handle


def tools(bus: InMemorySubscriptionBus) -> dict[str, Handler]:
    """Name all fixture tools."""
    hello = "This is a simple text response for testing."
    plain = embedded("test://embedded-resource", "text/plain", "This is an embedded resource.")
    mixed = embedded("test://mixed-content-resource", "application/json", '{"test":"data"}')
    intro = TextContent(type="text", text="Multiple content types test:")
    return {
        "test_simple_text": says(TextContent(type="text", text=hello)),
        "test_image_content": says(IMAGE),
        "test_audio_content": says(AudioContent(type="audio", data=WAV, mime_type="audio/wav")),
        "test_embedded_resource": says(plain),
        "test_multiple_content_types": says(intro, IMAGE, mixed),
        "test_error_handling": fails,
        "test_tool_with_progress": tells_progress,
        "test_tool_with_logging": logs,
        "test_logging_tool": logs,
        "test_reconnection": reconnects,
        "test_x_mcp_header": says(TextContent(type="text", text="The header fits.")),
        "json_schema_2020_12_tool": says(TextContent(type="text", text="Taken.")),
        "test_trigger_tool_change": announces(bus, ToolsListChanged()),
        "test_trigger_prompt_change": announces(bus, PromptsListChanged()),
        **QUESTIONS,
    }


def tool_entries(names: Sequence[str]) -> list[dict[str, Any]]:
    """Write the entries of `tools/list`."""
    return [
        {
            "name": name,
            "description": f"Fixture of the conformance suite: {name}.",
            "inputSchema": SCHEMAS.get(name, NO_ARGUMENTS),
        }
        for name in names
    ]


@dataclass(frozen=True)
class Prompt:
    """One prompt: its arguments, and its messages made of them."""

    arguments: tuple[str, ...]
    write: Callable[[Mapping[str, str]], list[ContentBlock]]

    def entry(self, name: str) -> dict[str, Any]:
        """Write the entry of `prompts/list`."""
        needed = [{"name": one, "required": True} for one in self.arguments]
        return {"name": name, "description": "A fixture.", "arguments": needed}


def _said(words: str) -> TextContent:
    return TextContent(type="text", text=words)


ASKING_PROMPT = "test_input_required_result_prompt"
PROMPTS: Mapping[str, Prompt] = {
    "test_simple_prompt": Prompt((), lambda _: [_said("This is a simple prompt for testing.")]),
    "test_prompt_with_arguments": Prompt(
        ("arg1", "arg2"),
        lambda given: [_said(f"arg1='{given['arg1']}', arg2='{given['arg2']}'")],
    ),
    "test_prompt_with_embedded_resource": Prompt(
        ("resourceUri",),
        lambda given: [
            embedded(given["resourceUri"], "text/plain", "Embedded content for testing."),
            _said("Please process the embedded resource above."),
        ],
    ),
    "test_prompt_with_image": Prompt((), lambda _: [IMAGE, _said("Please analyze the image.")]),
    ASKING_PROMPT: Prompt((), lambda _: [_said("The context was given.")]),
}
RESOURCES: Mapping[str, str] = {
    "test://static-text": "text/plain",
    "test://static-binary": "image/png",
    "test://watched-resource": "text/plain",
}


async def get_prompt(_: Context, params: GetPromptRequestParams) -> Any:
    """Answer one of the fixture prompts."""
    if params.name == ASKING_PROMPT and "user_context" not in (params.input_responses or {}):
        question = form("What context should the prompt use?", an_object(context=WORDS))
        return InputRequiredResult(input_requests={"user_context": question})
    content = PROMPTS[params.name].write(params.arguments or {})
    return GetPromptResult(messages=[PromptMessage(role="user", content=one) for one in content])


async def read_resource(_: Context, params: ReadResourceRequestParams) -> Any:
    """Answer one of the fixture resources."""
    uri = params.uri
    contents: TextResourceContents | BlobResourceContents
    if RESOURCES.get(uri) == "image/png":
        contents = BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)
    elif uri in RESOURCES:
        contents = TextResourceContents(
            uri=uri, mime_type="text/plain", text="This is the content."
        )
    else:
        number = uri.removeprefix(BEFORE).removesuffix(AFTER)
        data = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        contents = TextResourceContents(uri=uri, mime_type="application/json", text=data)
    return ReadResourceResult(contents=[contents], ttl_ms=0, cache_scope="private")


def is_fixture_resource(uri: str) -> bool:
    """Whether one of the fixture resources has this address."""
    return uri in RESOURCES or (uri.startswith(BEFORE) and uri.endswith(AFTER))


async def accept(_: Context, __: Any) -> EmptyResult:
    """Accept a request that needs no answer."""
    return EmptyResult()


async def complete(_: Context, __: CompleteRequestParams) -> CompleteResult:
    """Suggest nothing."""
    return CompleteResult(completion=Completion(values=[], total=0, has_more=False))


def is_of_fixture(params: CompleteRequestParams) -> bool:
    """Whether the argument to complete belongs to a fixture."""
    if isinstance(params.ref, PromptReference):
        return params.ref.name in PROMPTS
    return params.ref.uri == TEMPLATE


async def nothing_templated(_: Context, __: PaginatedRequestParams) -> ListResourceTemplatesResult:
    """List no template; the fixtures are put behind."""
    return ListResourceTemplatesResult(resource_templates=[])


async def no_prompts(_: Context, __: PaginatedRequestParams) -> ListPromptsResult:
    """List no prompt; the fixtures are put behind."""
    return ListPromptsResult(prompts=[])


async def no_resources(_: Context, __: PaginatedRequestParams) -> ListResourcesResult:
    """List no resource; the fixtures are put behind."""
    return ListResourcesResult(resources=[])


class LongerLists:
    """Middleware around ours: puts the fixtures behind what the product lists."""

    def __init__(self, names: Sequence[str]) -> None:
        resources = [{"uri": u, "name": u, "mimeType": kind} for u, kind in RESOURCES.items()]
        template = {"uriTemplate": TEMPLATE, "name": "template", "mimeType": "application/json"}
        self._more: dict[str, tuple[str, list[dict[str, Any]]]] = {
            "tools/list": ("tools", tool_entries(names)),
            "prompts/list": ("prompts", [one.entry(name) for name, one in PROMPTS.items()]),
            "resources/list": ("resources", resources),
            "resources/templates/list": ("resourceTemplates", [template]),
        }

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Lengthen a list, and pass everything else on."""
        result = await call_next(ctx)
        if ctx.method not in self._more or not isinstance(result, dict):
            return result
        key, more = self._more[ctx.method]
        return result | {key: [*result[key], *more]}


def mount(server: Server[Any], bus: InMemorySubscriptionBus) -> None:
    """Chain the fixtures in front of a server's handlers.

    Args:
        server: ours, as `build_server` made it.
        bus: on which it hears of changes.
    """
    handlers = tools(bus)
    server.middleware.insert(1, LongerLists(tuple(handlers)))
    ours = server.get_tool_input_schema
    server.get_tool_input_schema = lambda name: (
        SCHEMAS.get(name, NO_ARGUMENTS) if name in handlers else ours(name) if ours else None
    )

    async def call(ctx: Context, params: CallToolRequestParams) -> Answer:
        return await handlers[params.name](ctx, params)

    _chain(server, "tools/call", CallToolRequestParams, call, lambda one: one.name in handlers)
    _chain(
        server, "prompts/get", GetPromptRequestParams, get_prompt, lambda one: one.name in PROMPTS
    )
    _chain(server, "completion/complete", CompleteRequestParams, complete, is_of_fixture)
    _of_uri(server, "resources/read", ReadResourceRequestParams, read_resource)
    _of_uri(server, "resources/subscribe", SubscribeRequestParams, accept)
    _of_uri(server, "resources/unsubscribe", UnsubscribeRequestParams, accept)
    _unless_there(server, "prompts/list", PaginatedRequestParams, no_prompts)
    _unless_there(server, "resources/list", PaginatedRequestParams, no_resources)
    _unless_there(server, "resources/templates/list", PaginatedRequestParams, nothing_templated)
    _unless_there(server, "logging/setLevel", SetLevelRequestParams, accept)


def _of_uri(
    server: Server[Any], method: str, model: type[Any], handler: Callable[..., Awaitable[Any]]
) -> None:
    _chain(server, method, model, handler, lambda params: is_fixture_resource(params.uri))


def _chain(
    server: Server[Any],
    method: str,
    model: type[Any],
    handler: Callable[..., Awaitable[Any]],
    is_ours: Callable[[Any], bool],
) -> None:
    before = server.get_request_handler(method)

    async def first(ctx: Context, params: Any) -> Any:
        if is_ours(params):
            return await handler(ctx, params)
        if before is None:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", method)
        return await before.handler(ctx, params)

    server.add_request_handler(method, model, first)


def _unless_there(
    server: Server[Any], method: str, model: type[Any], handler: Callable[..., Awaitable[Any]]
) -> None:
    if server.get_request_handler(method) is None:
        server.add_request_handler(method, model, handler)
