"""Fixture tools that ask the client something, in either era.

Until 2025-11-25 a handler sends its question and waits. Since then it returns the questions, and
the client repeats the call with the answers; the state between goes through the server's own seal.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    CallToolResult,
    ClientCapabilities,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitationCapability,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingCapability,
    SamplingMessage,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

Context = ServerRequestContext[Any]
Answer = CallToolResult | InputRequiredResult
Handler = Callable[[Context, CallToolRequestParams], Awaitable[Answer]]
Requests = Mapping[str, InputRequest]

STATE = "asked"
SAMPLING = ClientCapabilities(sampling=SamplingCapability())
ELICITATION = ClientCapabilities(elicitation=ElicitationCapability())


def text(words: str, *, is_error: bool = False) -> CallToolResult:
    """Answer with one text."""
    return CallToolResult(content=[TextContent(type="text", text=words)], is_error=is_error)


def an_object(**properties: dict[str, Any]) -> dict[str, Any]:
    """Write the schema of an object that needs all of its properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def form(message: str, schema: dict[str, Any]) -> ElicitRequest:
    """Ask a person to fill in a form."""
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, max_tokens: int = 100) -> CreateMessageRequest:
    """Ask the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    params = CreateMessageRequestParams(messages=[message], max_tokens=max_tokens)
    return CreateMessageRequest(params=params)


NAME = form("What is your name?", an_object(name={"type": "string"}))
CONFIRM = form("Please confirm", an_object(ok={"type": "boolean"}))
USER = an_object(
    username={"type": "string", "description": "User's response"},
    email={"type": "string", "description": "User's email address"},
)
DEFAULTS = an_object(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
PLAIN = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"{word} option"} for n, word in enumerate("ABC", 1)]
ENUMS = an_object(
    untitledSingle={"type": "string", "enum": PLAIN},
    titledSingle={"type": "string", "oneOf": TITLED},
    legacyEnum={
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option one", "Option two", "Option three"],
    },
    untitledMulti={"type": "array", "items": {"type": "string", "enum": PLAIN}},
    titledMulti={"type": "array", "items": {"anyOf": TITLED}},
)


def asks(questions: Requests, *, keeps: bool = False) -> Handler:
    """Make a tool that asks once, and is done when every answer has come.

    Args:
        questions: by the keys under which the answers come back.
        keeps: whether a state travels along and must come back.
    """

    async def handle(_: Context, params: CallToolRequestParams) -> Answer:
        if not _is_answered(params.input_responses, questions):
            state = STATE if keeps else None
            return InputRequiredResult(input_requests=dict(questions), request_state=state)
        if keeps and params.request_state != STATE:
            raise MCPError(INVALID_PARAMS, "The state of the question did not come back.")
        return text("state-ok" if keeps else f"Answered: {', '.join(questions)}")

    return handle


def _is_answered(responses: Mapping[str, Any] | None, questions: Requests) -> bool:
    return all(_fits((responses or {}).get(key), one) for key, one in questions.items())


def _fits(response: Any, question: InputRequest) -> bool:
    if isinstance(question, ElicitRequest):
        return isinstance(response, ElicitResult)
    return response is not None


async def asks_twice(_: Context, params: CallToolRequestParams) -> Answer:
    """Ask for a name, then for a colour; the state says how far it is."""
    if params.request_state is None:
        first = form("Step 1: What is your name?", an_object(name={"type": "string"}))
        return InputRequiredResult(input_requests={"step1": first}, request_state="1")
    if params.request_state == "1":
        second = form("Step 2: What is your colour?", an_object(color={"type": "string"}))
        return InputRequiredResult(input_requests={"step2": second}, request_state="2")
    return text("Both steps are answered.")


async def asks_what_is_declared(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Ask only by what the client says it can do."""
    if params.input_responses:
        return text("Answered.")
    questions: dict[str, InputRequest] = {}
    if ctx.session.check_client_capability(SAMPLING):
        questions["capital"] = sample("What is the capital of France?")
    if ctx.session.check_client_capability(ELICITATION):
        questions["name"] = NAME
    return InputRequiredResult(input_requests=questions)


async def needs_sampling(ctx: Context, _: CallToolRequestParams) -> Answer:
    """Refuse a client that did not declare sampling."""
    if not ctx.session.check_client_capability(SAMPLING):
        needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs sampling.", needed)
    return text("Sampling is declared.")


def asks_live(form_of: Callable[[Mapping[str, Any]], ElicitRequestFormParams]) -> Handler:
    """Make a tool that shows a form and tells what was answered.

    Args:
        form_of: makes the form of the call's arguments.
    """

    async def handle(ctx: Context, params: CallToolRequestParams) -> Answer:
        asked = form_of(params.arguments or {})
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return await asks({"form": ElicitRequest(params=asked)})(ctx, params)
        got = await ctx.session.elicit_form(
            asked.message, asked.requested_schema, related_request_id=ctx.request_id
        )
        return text(f"User response: action={got.action}, content={json.dumps(got.content)}")

    return handle


def fixed_form(message: str, schema: dict[str, Any]) -> Handler:
    """Make a tool that always shows the same form."""
    return asks_live(lambda _: ElicitRequestFormParams(message=message, requested_schema=schema))


def form_with_message(arguments: Mapping[str, Any]) -> ElicitRequestFormParams:
    """Make a form that says what the call said."""
    return ElicitRequestFormParams(message=str(arguments["message"]), requested_schema=USER)


async def samples_live(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Ask the client's model the call's prompt."""
    asked = sample(str((params.arguments or {})["prompt"]))
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return await asks({"sample": asked})(ctx, params)
    got = await ctx.session.create_message(
        list(asked.params.messages),
        max_tokens=asked.params.max_tokens,
        related_request_id=ctx.request_id,
    )
    said = got.content.text if isinstance(got.content, TextContent) else "no text"
    return text(f"LLM response: {said}")


QUESTIONS: Mapping[str, Handler] = {
    "test_elicitation": asks_live(form_with_message),
    "test_elicitation_sep1034_defaults": fixed_form("Please check the values", DEFAULTS),
    "test_elicitation_sep1330_enums": fixed_form("Please choose", ENUMS),
    "test_sampling": samples_live,
    "test_missing_capability": needs_sampling,
    "test_streaming_elicitation": asks({"user_name": NAME}),
    "test_input_required_result_elicitation": asks({"user_name": NAME}),
    "test_input_required_result_sampling": asks(
        {"capital_question": sample("What is the capital of France?")}
    ),
    "test_input_required_result_list_roots": asks({"client_roots": ListRootsRequest()}),
    "test_input_required_result_request_state": asks({"confirm": CONFIRM}, keeps=True),
    "test_input_required_result_tampered_state": asks({"confirm": CONFIRM}, keeps=True),
    "test_input_required_result_multiple_inputs": asks(
        {
            "user_name": NAME,
            "greeting": sample("Generate a greeting", 50),
            "client_roots": ListRootsRequest(),
        },
        keeps=True,
    ),
    "test_input_required_result_multi_round": asks_twice,
    "test_input_required_result_capabilities": asks_what_is_declared,
}
