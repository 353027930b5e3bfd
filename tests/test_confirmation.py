"""Getting a person's yes, and every way of not getting it: nothing is sent without."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.session import DEFAULT_CLIENT_INFO
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    ElicitRequestURLParams,
    ElicitResult,
    ErrorData,
    InputRequiredResult,
)

from crm_mcp.app import SANDBOX_ORIGIN, App, load_catalogue, open_app, sandbox_settings
from crm_mcp.clients import Program
from crm_mcp.config import General, Settings
from crm_mcp.confirm import Answer, Nobody
from crm_mcp.guard import Policy
from crm_mcp.ledger import Question
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server
from crm_mcp.testing import sandbox_client

pytestmark = pytest.mark.anyio

ERAS = ("auto", "legacy")
WRITE = "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}
IMPORT = {"area": "001", "customerProducts": [{**PRODUCT, "reference": "T-1"}]}
BODY = (
    "mode=importCustomerProducts&area=001&customerProducts[0][account]=1"
    "&customerProducts[0][product]=Oak%20desk&customerProducts[0][manufacturer]=Woodworks"
    "&customerProducts[0][reference]=T-1"
)
CLIENT = Program(DEFAULT_CLIENT_INFO.name, DEFAULT_CLIENT_INFO.version, "local")
YES = ElicitResult(action="accept", content={"decision": "approve"})


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


@pytest.fixture
async def app(sandbox: Sandbox, tmp_path: Any) -> AsyncIterator[App]:
    """Give a server whose client is known to ask a person, who may answer in no time."""
    settings = Settings(general=General(state_dir=tmp_path, min_answer_seconds=0))
    connected = sandbox_settings(settings, sandbox, SANDBOX_ORIGIN)
    async with open_app(connected, load_catalogue(), sandbox) as opened:
        opened.clients.trust(CLIENT, "it passed the test")
        yield opened


def writes(sandbox: Sandbox) -> int:
    return sum(seen.changed for seen in sandbox.log)


def sent(sandbox: Sandbox) -> list[str]:
    """List what was sent beside the reads that tell a person the names of ids."""
    return [seen.operation for seen in sandbox.log if seen.effect != "read"]


async def call_with(app: App, era: str, answer: Any, arguments: Any = IMPORT) -> CallToolResult:
    """Call the write through a client whose dialog always answers the same."""

    async def ask(context: object, params: object) -> Any:  # noqa: ARG001
        return answer

    async with Client(build_server(app), mode=era, elicitation_callback=ask) as client:
        return await client.call_tool(WRITE, arguments)


def kind(result: CallToolResult) -> Any:
    assert result.structured_content is not None
    return result.structured_content.get("error")


@pytest.mark.parametrize("era", ERAS)
async def test_an_approved_write_is_sent_once(app: App, sandbox: Sandbox, era: str) -> None:
    result = await call_with(app, era, YES)

    assert result.structured_content is not None
    assert result.structured_content["status"] == "done"
    assert writes(sandbox) == 1


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "answer",
    [
        ElicitResult(action="decline"),
        ElicitResult(action="cancel"),
        ElicitResult(action="accept", content={"decision": "reject"}),
        ElicitResult(action="accept", content={"decision": "APPROVE"}),
        ElicitResult(action="accept", content={"decision": ["approve"]}),
        ElicitResult(action="accept", content={"decision": True}),
        ElicitResult(action="accept", content={"confirm": True}),
        ElicitResult(action="accept", content={"decision": "approve", "also": "this"}),
        ElicitResult(action="decline", content={"decision": "approve"}),
    ],
    ids=str,
)
async def test_any_other_answer_sends_nothing(
    app: App, sandbox: Sandbox, era: str, answer: ElicitResult
) -> None:
    result = await call_with(app, era, answer)

    assert (result.is_error, kind(result)) == (True, "not_confirmed")
    assert sent(sandbox) == []


async def test_a_dialog_that_fails_in_the_client_sends_nothing(app: App, sandbox: Sandbox) -> None:
    result = await call_with(app, "legacy", ErrorData(code=-1, message="no window"))

    assert kind(result) == "not_confirmed"
    assert sent(sandbox) == []


async def test_a_person_who_never_answers_sends_nothing(
    app: App, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_mcp.elicitation.LIFETIME_SECONDS", 0.01)

    async def ask(context: object, params: object) -> ElicitResult:  # noqa: ARG001
        await anyio.sleep_forever()
        return YES

    async with Client(build_server(app), mode="legacy", elicitation_callback=ask) as client:
        result = await client.call_tool(WRITE, IMPORT)

    assert kind(result) == "not_confirmed"
    assert sent(sandbox) == []


async def test_while_a_person_reads_the_client_sees_signs_of_life(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_mcp.elicitation.LIFE_SECONDS", 0.001)
    alive = anyio.Event()
    told: list[str | None] = []

    async def ask(context: object, params: object) -> ElicitResult:  # noqa: ARG001
        with anyio.fail_after(10):
            await alive.wait()
        return YES

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert (progress > len(told), total) == (True, None)
        told.append(message)
        if message == "still waiting for a person's answer":
            alive.set()

    async with Client(build_server(app), mode="legacy", elicitation_callback=ask) as client:
        result = await client.call_tool(WRITE, IMPORT, progress_callback=note)

    assert not result.is_error
    assert (told[0], told[-1]) == ("waiting for a person's answer", "writing")


@pytest.mark.parametrize("era", ERAS)
async def test_the_person_reads_effect_arguments_and_exact_request(app: App, era: str) -> None:
    read: list[str] = []

    async def ask(context: object, params: Any) -> ElicitResult:  # noqa: ARG001
        read.append(params.message)
        assert params.requested_schema["required"] == ["decision"]
        assert "default" not in str(params.requested_schema)
        return ElicitResult(action="decline")

    async with Client(build_server(app), mode=era, elicitation_callback=ask) as client:
        await client.call_tool(WRITE, IMPORT)

    (preview,) = read
    assert preview.splitlines() == [
        'Import 1 customer product into area "001" of FIVE CRM.',
        "",
        "Account: fivecrm (sandbox)",
        f"Tool: {WRITE} (create, bulk)",
        "Records: 1",
        "Can be undone: no",
        "",
        "What will be written:",
        '  area = "001" (area: "Sales")',
        '  customerProducts[0].account = "1"',
        '  customerProducts[0].product = "Oak desk"',
        '  customerProducts[0].manufacturer = "Woodworks"',
        '  customerProducts[0].reference = "T-1"',
        "",
        "The exact request, without credentials:",
        "  POST http://sandbox.localhost/fivecrm/api2.php",
        f"  {BODY}",
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_without_dialogs_gets_an_approval_to_wait_for(
    app: App, sandbox: Sandbox, era: str
) -> None:
    async with Client(build_server(app), mode=era) as client:
        first = await client.call_tool(WRITE, IMPORT)
        again = await client.call_tool(WRITE, IMPORT)
        (waiting,) = app.ledger.waiting()
        app.ledger.decide(waiting.id, "approved", "a person")
        other = await client.call_tool(WRITE, {**IMPORT, "area": "002"})
        done = await client.call_tool(WRITE, IMPORT)
        once_more = await client.call_tool(WRITE, IMPORT)

    assert [kind(result) for result in (first, again)] == ["approval_required"] * 2
    assert first.structured_content == again.structured_content
    assert first.structured_content is not None
    assert first.structured_content["approval"]["id"] == waiting.id
    assert kind(other) == "approval_required"
    assert done.structured_content is not None
    assert done.structured_content["status"] == "done"
    assert kind(once_more) == "approval_required"
    assert writes(sandbox) == 1


async def test_a_call_that_a_person_rejected_stays_rejected(app: App, sandbox: Sandbox) -> None:
    async with Client(build_server(app)) as client:
        await client.call_tool(WRITE, IMPORT)
        (waiting,) = app.ledger.waiting()
        app.ledger.decide(waiting.id, "rejected", "a person")
        result = await client.call_tool(WRITE, IMPORT)

    assert kind(result) == "not_confirmed"
    assert sent(sandbox) == []


async def test_a_preview_too_long_for_a_dialog_is_decided_in_the_terminal(
    app: App, sandbox: Sandbox
) -> None:
    long = {**IMPORT, "customerProducts": [{**PRODUCT, "text": "much to read, " * 2_000}]}

    result = await call_with(app, "auto", YES, long)

    assert kind(result) == "approval_required"
    assert sent(sandbox) == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_can_only_open_pages_is_not_shown_a_form(
    app: App, sandbox: Sandbox, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnlyPages:
        form = None
        url = ElicitRequestURLParams

    class Capabilities:
        elicitation = OnlyPages

    monkeypatch.setattr("mcp.server.session.ServerSession.client_capabilities", Capabilities)

    result = await call_with(app, era, YES)

    assert kind(result) == "approval_required"
    assert sent(sandbox) == []


class Rounds:
    """A client of the modern era that shows its single rounds, to be tampered with."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, arguments: Any = IMPORT, name: str = WRITE, **more: Any) -> Any:
        return await self._client.session.call_tool(
            name, arguments, allow_input_required=True, **more
        )


@pytest.fixture
async def rounds(app: App) -> AsyncIterator[Rounds]:
    async def ask(context: object, params: object) -> ElicitResult:  # noqa: ARG001
        return YES

    async with Client(build_server(app), elicitation_callback=ask) as client:
        yield Rounds(client)


ANSWER = {"decision": YES}


async def test_an_answer_sent_with_the_first_call_is_not_believed(
    rounds: Rounds, sandbox: Sandbox
) -> None:
    result = await rounds.call(input_responses=ANSWER)

    assert isinstance(result, InputRequiredResult)
    assert sent(sandbox) == []


async def test_an_answer_is_good_once(rounds: Rounds, sandbox: Sandbox) -> None:
    question = await rounds.call()
    state = question.request_state
    first = await rounds.call(input_responses=ANSWER, request_state=state)
    replay = await rounds.call(input_responses=ANSWER, request_state=state)

    assert first.structured_content["status"] == "done"
    assert kind(replay) == "not_confirmed"
    assert writes(sandbox) == 1


async def test_an_answer_replayed_while_the_first_is_under_way_writes_once(
    rounds: Rounds, sandbox: Sandbox
) -> None:
    state = (await rounds.call()).request_state
    results: list[Any] = []

    async def answer() -> None:
        results.append(await rounds.call(input_responses=ANSWER, request_state=state))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(answer)

    assert sorted(str(kind(result)) for result in results) == ["None"] + ["not_confirmed"] * 7
    assert writes(sandbox) == 1


async def test_an_answer_to_one_call_is_worthless_for_another(
    rounds: Rounds, sandbox: Sandbox
) -> None:
    state = (await rounds.call()).request_state

    for other in ({**IMPORT, "area": "002"}, {**IMPORT, "customerProducts": [PRODUCT]}):
        with pytest.raises(MCPError) as caught:
            await rounds.call(other, input_responses=ANSWER, request_state=state)
        assert caught.value.error.code == INVALID_PARAMS
    assert sent(sandbox) == []


async def test_a_forged_or_changed_state_is_refused(rounds: Rounds, sandbox: Sandbox) -> None:
    state = (await rounds.call()).request_state

    for forged in ("0123456789", state[:-2] + "AA", "v1." + "A" * 60):
        with pytest.raises(MCPError) as caught:
            await rounds.call(input_responses=ANSWER, request_state=forged)
        assert caught.value.error.code == INVALID_PARAMS
    assert sent(sandbox) == []


async def test_a_state_without_an_answer_asks_the_same_question_again(
    rounds: Rounds, sandbox: Sandbox
) -> None:
    state = (await rounds.call()).request_state
    again = await rounds.call(request_state=state)
    done = await rounds.call(input_responses=ANSWER, request_state=again.request_state)

    assert isinstance(again, InputRequiredResult)
    assert done.structured_content["status"] == "done"
    assert writes(sandbox) == 1


async def test_an_answer_that_comes_too_late_sends_nothing(
    rounds: Rounds, app: App, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = await rounds.call()
    monkeypatch.setattr(app.ledger, "_clock", lambda: 4e9)

    result = await rounds.call(input_responses=ANSWER, request_state=question.request_state)

    assert kind(result) == "not_confirmed"
    assert sent(sandbox) == []


async def test_a_declined_question_cannot_be_approved_afterwards(
    rounds: Rounds, sandbox: Sandbox
) -> None:
    state = (await rounds.call()).request_state
    no = {"decision": ElicitResult(action="decline")}
    declined = await rounds.call(input_responses=no, request_state=state)
    then_yes = await rounds.call(input_responses=ANSWER, request_state=state)

    assert [kind(declined), kind(then_yes)] == ["not_confirmed"] * 2
    assert sent(sandbox) == []


async def test_the_state_of_one_server_is_worthless_at_another(
    app: App, rounds: Rounds, sandbox: Sandbox
) -> None:
    state = (await rounds.call()).request_state

    async with Client(build_server(app)) as other:
        with pytest.raises(MCPError):
            await Rounds(other).call(input_responses=ANSWER, request_state=state)
    assert sent(sandbox) == []


@pytest.mark.parametrize("argument", ["confirm", "_confirm", "decision", "approved", "_mode"])
async def test_no_argument_confirms(app: App, sandbox: Sandbox, argument: str) -> None:
    async with Client(build_server(app)) as client:
        result = await client.call_tool(WRITE, {**IMPORT, argument: True})

    assert kind(result) == "invalid_arguments"
    assert sandbox.log == ()


async def test_nobody_says_no(app: App) -> None:
    question = Question("f" * 64, WRITE, "account", "local", "preview")
    approval = app.ledger.ask(question, "dialog")

    assert await Nobody().ask(approval) is Answer.NO


async def test_an_answer_to_a_question_that_is_gone_sends_nothing(
    rounds: Rounds, app: App, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = (await rounds.call()).request_state
    monkeypatch.setattr(app.ledger, "get", lambda _: None)

    result = await rounds.call(input_responses=ANSWER, request_state=state)

    assert kind(result) == "not_confirmed"
    assert sent(sandbox) == []


TWO = {**IMPORT, "customerProducts": [{**PRODUCT, "reference": f"T-{n}"} for n in (1, 2)]}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("word", ["1", "two", "approve", "22"])
async def test_many_records_want_their_number_typed(
    app: App, sandbox: Sandbox, era: str, word: str
) -> None:
    typed = ElicitResult(action="accept", content={"decision": "approve", "word": word})

    assert kind(await call_with(app, era, typed, TWO)) == "not_confirmed"
    assert sent(sandbox) == []


@pytest.mark.parametrize("era", ERAS)
async def test_the_right_number_sends_many_records(app: App, sandbox: Sandbox, era: str) -> None:
    typed = ElicitResult(action="accept", content={"decision": "approve", "word": " 2 "})

    result = await call_with(app, era, typed, TWO)

    assert result.structured_content is not None
    assert result.structured_content["status"] == "done"
    assert writes(sandbox) == 1


async def test_a_word_where_none_is_wanted_is_no_yes(app: App, sandbox: Sandbox) -> None:
    typed = ElicitResult(action="accept", content={"decision": "approve", "word": "2"})

    assert kind(await call_with(app, "auto", typed)) == "not_confirmed"
    assert sent(sandbox) == []


async def test_a_refused_write_leaves_its_line_in_the_record(
    app: App, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await call_with(app, "auto", ElicitResult(action="decline"))
    monkeypatch.setattr(app.pipeline.registry, "policy", Policy(writes_per_hour=0))
    await call_with(app, "auto", YES)

    lines = [(line["event"], "approval" in line) for line in app.audit.lines()]
    assert lines == [("not_confirmed", True), ("refused", False)]
    assert sent(sandbox) == []


async def test_where_no_dialog_is_believed_every_question_goes_to_the_terminal(
    sandbox: Sandbox,
) -> None:
    async with sandbox_client(
        mode="confirm", person=lambda _: "approve", sandbox=sandbox, dialogs=False
    ) as client:
        result = await client.call_tool(WRITE, IMPORT)

    assert kind(result) == "approval_required"
    assert sent(sandbox) == []
