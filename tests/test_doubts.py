"""Inferred addresses that a CRM does not know: told to the caller, the log and the operator."""

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from cirrus_crm import Crm, opened, operation
from interact_crm import Clock

from crm_mcp.app import App
from crm_mcp.commands.doctor import doctor
from crm_mcp.commands.setup import Setup
from crm_mcp.doubts import Doubt, Doubts
from crm_mcp.errors import NotFound, Rejected, ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.respond import SANDBOX_HEADER
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import Reply

pytestmark = pytest.mark.anyio

ACCOUNT = "cirrus (cirrus.example.com/api)"
GET = operation("notes_get", "GET", "/notes/{id}")
LIST = operation("notes_list", "GET", "/notes", evidence="inferred-weak")
DELETE = operation("notes_delete", "DELETE", "/notes/{id}", "delete")
KNOWN = operation("tags_get", "GET", "/tags/{id}", evidence="documented")
CORRECTED = operation("tags_list", "GET", "/tags", evidence="operator")
NO_NOTE = httpx.Response(404, json={"message": "Not found"})
NO_METHOD = httpx.Response(405, json={"message": "Method not allowed"})
DAY = 1_760_000_000.0


async def failure(app: App, called: Operation, **arguments: Any) -> ToolFailure:
    with pytest.raises(ToolFailure) as caught:
        await app.pipeline.call(called.name, arguments, Caller())
    return caught.value


async def test_a_missing_record_behind_an_inferred_address_says_what_it_may_mean(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, Crm(planned=[NO_NOTE]), [GET]) as app:
        told = await failure(app, GET, id=7)

    assert told.as_dict() == {
        "error": "not_found",
        "message": "The CRM answered with HTTP 404 and said: Not found. The address of this call "
        "is inferred-strong, not documented by the vendor.",
        "hint": "Check the ids first. If they are right, tell the person that this CRM may have "
        "the call at another address, which the operator of this server can correct.",
        "vendor_code": "404",
    }


@pytest.mark.parametrize(
    ("called", "answer", "arguments", "kind"),
    [(LIST, NO_NOTE, {}, NotFound), (GET, NO_METHOD, {"id": 7}, Rejected)],
)
async def test_where_no_argument_can_be_wrong_none_is_to_be_tried(
    tmp_path: Path,
    called: Operation,
    answer: httpx.Response,
    arguments: dict[str, int],
    kind: type[ToolFailure],
) -> None:
    async with opened(tmp_path, Crm(planned=[answer]), [called]) as app:
        told = await failure(app, called, **arguments)

    assert type(told) is kind
    assert told.message.endswith(f"{called.source.evidence}, not documented by the vendor.")
    assert told.hint.startswith("Other arguments do not help: tell the person")


@pytest.mark.parametrize("answer", [NO_NOTE, NO_METHOD])
async def test_a_write_at_a_missing_address_was_not_done(
    tmp_path: Path, answer: httpx.Response
) -> None:
    crm = Crm(planned=[answer])

    async with opened(tmp_path, crm, [DELETE], mode="unattended") as app:
        told = await failure(app, DELETE, id=7)
        record = [line["status"] for line in app.audit.lines() if "status" in line]

    assert "inferred-strong" in told.message
    assert record == ["not_done"]


@pytest.mark.parametrize(("called", "arguments"), [(KNOWN, {"id": 7}), (CORRECTED, {})])
async def test_an_address_that_somebody_vouches_for_is_not_doubted(
    tmp_path: Path, called: Operation, arguments: dict[str, int]
) -> None:
    async with opened(tmp_path, Crm(planned=[NO_NOTE]), [called]) as app:
        told = await failure(app, called, **arguments)
        assert app.doubts.open() == []

    assert "inferred" not in told.message
    assert "another address" not in told.hint


@pytest.mark.parametrize("status", [400, 403, 409, 422])
async def test_any_other_refusal_says_nothing_of_the_address(tmp_path: Path, status: int) -> None:
    async with opened(tmp_path, Crm(planned=[httpx.Response(status)]), [GET]) as app:
        told = await failure(app, GET, id=7)
        assert app.doubts.open() == []

    assert "inferred" not in told.message


async def test_no_word_of_it_names_a_setting_or_a_command(tmp_path: Path) -> None:
    async with opened(tmp_path, Crm(planned=[NO_NOTE, NO_METHOD]), [GET]) as app:
        told = f"{(await failure(app, GET, id=7)).as_dict()}{(await failure(app, GET, id=7)).hint}"

    assert [word for word in ("CRM_MCP", "crm-mcp", "bind", "setting") if word in told] == []


async def test_the_log_tells_it_once_for_each_kind_of_records(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    other = operation("users_get", "GET", "/users/{id}", toolset="users")
    crm = Crm(planned=[NO_NOTE] * 4)

    async with opened(tmp_path, crm, [GET, LIST, other]) as app:
        for called, arguments in (
            (GET, {"id": 7}),
            (GET, {"id": 8}),
            (LIST, {}),
            (other, {"id": 7}),
        ):
            await failure(app, called, **arguments)

    told = [record.getMessage() for record in caplog.records if record.name == "crm_mcp.doubts"]
    assert [line.partition(" with HTTP 404")[0] for line in told] == [
        f"{ACCOUNT} answered cirrus_notes_get",
        f"{ACCOUNT} answered cirrus_users_get",
    ]
    assert "`crm-mcp bind` can give the tests tools" in told[0]


async def test_what_is_in_doubt_is_kept_until_a_success_settles_it(tmp_path: Path) -> None:
    async with opened(tmp_path, Crm(planned=[NO_NOTE, NO_METHOD, NO_NOTE]), [GET, LIST]) as app:
        await failure(app, GET, id=7)
        await failure(app, GET, id=7)
        await failure(app, LIST)
    async with opened(tmp_path, Crm(planned=[httpx.Response(200, json={})]), [GET, LIST]) as app:
        kept = [(doubt.tool, doubt.status, doubt.times) for doubt in app.doubts.open()]
        await app.pipeline.call(GET.name, {"id": 7}, Caller())
        left = [doubt.tool for doubt in app.doubts.open()]

    assert kept == [("cirrus_notes_get", 405, 2), ("cirrus_notes_list", 404, 1)]
    assert left == ["cirrus_notes_list"]


async def test_an_address_that_has_answered_is_not_doubted_for_a_wrong_id(tmp_path: Path) -> None:
    crm = Crm(planned=[httpx.Response(200, json={}), NO_NOTE])

    async with opened(tmp_path, crm, [GET]) as app:
        await app.pipeline.call(GET.name, {"id": 7}, Caller())
        await failure(app, GET, id=8)
        assert app.doubts.open() == []


async def test_a_success_makes_no_state_where_there_is_none(tmp_path: Path) -> None:
    crm = Crm(planned=[httpx.Response(200, json=[])])

    async with opened(tmp_path, crm, [LIST]) as app:
        await app.pipeline.call(LIST.name, {}, Caller())

    assert not (tmp_path / "state").exists()


async def test_the_sandbox_proves_and_disproves_nothing(tmp_path: Path) -> None:
    doubts = Doubts(StateFolder(tmp_path / "state"))

    await doubts.hear(ACCOUNT, GET, Reply(404, {SANDBOX_HEADER: "1"}, b""))

    assert doubts.open() == []


async def test_a_state_that_cannot_be_used_does_not_fail_the_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("in the way")

    async with opened(tmp_path, Crm(planned=[NO_NOTE]), [GET]) as app:
        assert type(await failure(app, GET, id=7)) is NotFound

    assert "could not be kept" in caplog.text


async def test_a_doubt_is_told_with_how_often_and_when(tmp_path: Path) -> None:
    doubts = Doubts(StateFolder(tmp_path / "state"), Clock(DAY))
    await doubts.hear(ACCOUNT, GET, Reply(405, {}, b""))
    (once,) = doubts.open()
    await doubts.hear(ACCOUNT, GET, Reply(404, {}, b""))
    (twice,) = doubts.open()

    assert once == Doubt(ACCOUNT, "cirrus_notes_get", 405, 1, DAY)
    assert once.as_words() == "cirrus_notes_get (HTTP 405, once, last on 2025-10-09)"
    assert twice.as_words() == "cirrus_notes_get (HTTP 404, 2 times, last on 2025-10-09)"


@pytest.mark.parametrize(("count", "told"), [(0, ""), (2, "."), (12, ", and 2 more.")])
async def test_doctor_sums_up_the_doubts_about_what_is_still_inferred(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, told: str
) -> None:
    probe = operation("account_types_list", "GET", "/types", evidence="operator")
    tools = [operation(f"notes{one:02}_list", "GET", f"/notes/{one}") for one in range(count)]
    crm = Crm(planned=[*[NO_NOTE] * (count + 1), httpx.Response(200, json=[])])
    corrected = operation("tags_list", "GET", "/tags")

    async with opened(tmp_path, crm, [probe, corrected, *tools]) as app:
        for called in (corrected, *tools):
            await failure(app, called)
    async with opened(tmp_path, crm, [probe, CORRECTED, *tools]) as app:
        setup = Setup(app.settings, {"cirrus": (probe, CORRECTED, *tools)})
        code = await doctor(setup)

    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note")]
    assert code == 0
    if not count:
        assert notes == []
        return
    (note,) = notes
    assert note.startswith(f"note  {ACCOUNT}: did not know the address of cirrus_notes00_list (")
    assert f"{told} They are inferred, not documented" in note
    assert "cirrus_tags_list" not in note
    assert "`crm-mcp bind`" in note
