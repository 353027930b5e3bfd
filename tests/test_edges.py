"""Edges where a careless step would let something through, each once found by review."""

import gzip
import json
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pydantic import ValidationError
from wire import BASE, connected

from crm_mcp.bind import bind
from crm_mcp.client import Pace
from crm_mcp.compare import Difference, Look
from crm_mcp.config import load_settings
from crm_mcp.envelope import as_text, fit
from crm_mcp.errors import (
    ConfigError,
    InvalidArguments,
    PermitError,
    Unavailable,
    UnknownOutcome,
    UnreadableReply,
)
from crm_mcp.guard import BoundCall, Gate, Mode, Policy, refusal_of
from crm_mcp.operation import Operation, Request
from crm_mcp.preview import Context, echo, leaves, render, visible
from crm_mcp.redact import RedactingFilter, Redactor
from crm_mcp.respond import respond
from crm_mcp.retry import wait_before_retry
from crm_mcp.validate import ArgumentValidator
from crm_mcp.vendors.base import Reply, VendorSettings, decode_json
from crm_mcp.vendors.fivecrm import VENDOR

READ, WRITE = "fivecrm_areas_get", "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Chair", "manufacturer": ""}
Five = Mapping[str, Operation]


def test_a_permit_for_a_read_must_not_become_one_for_a_write(five: Five) -> None:
    gate = Gate(Policy(mode=Mode.CONFIRM))
    read = BoundCall(five[READ], {"area": "001"}, bind(five[READ], {"area": "001"}), "a", "c")
    write = bind(five[WRITE], {"area": "001", "customerProducts": [PRODUCT]})
    permit = replace(gate.permit(read), digest=write.digest)
    with pytest.raises(PermitError):
        gate.spend(permit, write)


def test_denying_a_former_name_denies_the_tool(five: Five) -> None:
    renamed = five[WRITE].model_copy(update={"aliases": ("fivecrm_products_import",)})
    policy = Policy(mode=Mode.UNATTENDED, deny=("fivecrm_products_import",))
    assert refusal_of(renamed, policy) is not None


def test_half_a_character_in_an_arguments_name_is_told_as_such(five: Five) -> None:
    with pytest.raises(InvalidArguments, match="half of a character pair"):
        ArgumentValidator().check(five[READ], {"area": "001", "\ud800": 1})


def test_arguments_nested_too_deeply_never_reach_bind(five: Five) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array"}}}
    operation = five[READ].model_copy(update={"input_schema": schema})
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(InvalidArguments, match="nested too deeply"):
        ArgumentValidator().check(operation, {"a": value})


@pytest.mark.parametrize("empty", [[], {}])
def test_an_empty_list_in_a_form_does_not_vanish_in_silence(five: Five, empty: Any) -> None:
    schema = {"type": "object", "properties": {"a": {}}}
    request = Request.model_validate({"method": "POST", "path": "/x", "args_in": "form"})
    operation = five[READ].model_copy(update={"input_schema": schema, "request": request})
    with pytest.raises(InvalidArguments, match="is empty, which a form cannot say"):
        bind(operation, {"a": empty})


@pytest.mark.parametrize("value", [" a", "a "])
def test_a_header_that_cannot_be_sent_is_refused_before_it_is_tried(five: Five, value: str) -> None:
    schema = {"type": "object", "properties": {"f": {}}}
    request = Request.model_validate({"method": "POST", "path": "/x", "bind": {"f": "header:X-F"}})
    operation = five[READ].model_copy(update={"input_schema": schema, "request": request})
    with pytest.raises(InvalidArguments, match="begin or end with a blank"):
        bind(operation, {"f": value})


@pytest.mark.anyio
@pytest.mark.parametrize("rate", [1.5, 5, 7.5])
async def test_no_more_calls_go_in_any_second_than_the_rate(rate: float) -> None:
    now = 1000.0
    went: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = Pace(rate, sleep, lambda: now)
    for _ in range(30):
        await pace.turn()
        went.append(now)
    assert max(sum(start <= at < start + 1 for at in went) for start in went) <= rate


class Stream(httpx.AsyncByteStream):
    """A body that notes whether anybody read it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.reads += 1
        yield self.content


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd"])
async def test_an_answer_packed_beyond_bounds_is_not_unpacked(five: Five, encoding: str) -> None:
    bomb = Stream(gzip.compress(gzip.compress(b"0" * 1_000_000)))
    headers = {"content-encoding": encoding}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=bomb))
    async with connected(transport=transport) as line:
        with pytest.raises(UnreadableReply):
            await line.send(five["fivecrm_areas_list"])

    assert bomb.reads == 0


class Trickle(httpx.AsyncByteStream):
    """A body that begins and never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        await anyio.sleep_forever()


@pytest.mark.anyio
async def test_an_answer_that_only_trickles_ends(
    five: Five, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_mcp.client.CONNECT_SECONDS", 0.0)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickle()))
    async with connected(transport=transport, seconds=0.05) as line:
        with pytest.raises(Unavailable):
            await line.send(five["fivecrm_areas_list"])
        with pytest.raises(UnknownOutcome):
            await line.send(five[WRITE])


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.anyio
async def test_an_absent_module_is_settled_and_a_present_one_left_alone(
    monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    monkeypatch.delitem(sys.modules, "sniffio", raising=False)
    monkeypatch.setattr("crm_mcp.client.find_spec", lambda _: object() if installed else None)

    async with connected():
        assert ("sniffio" in sys.modules) is not installed


def test_a_log_call_whose_arguments_do_not_fit_is_logged_all_the_same() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "%d of s3cret", ("two",), None)

    assert RedactingFilter(Redactor(["s3cret"])).filter(record)
    assert record.getMessage() == "%d of ••• ('two',)"


def test_a_cut_text_says_how_long_it_really_was() -> None:
    fitted = fit({"data": {str(n): "x" * 1000 for n in range(20)}}, 4000)
    assert fitted["data"]["0"] == "x" * 100 + "… (1000 characters)"


def test_one_long_record_is_cut_and_not_dropped() -> None:
    fitted = fit({"data": [{"id": 7, "note": "x" * 50_000}]}, 40_000)
    assert fitted["data"][:1] == [{"id": 7, "note": "x" * 2000 + "… (50000 characters)"}]


def test_dropped_items_are_not_skipped_by_the_next_page() -> None:
    page = {"returned": 100, "more": True, "next": {"page": 2, "rows": 100}}
    fitted = fit({"data": ["x" * 100] * 100, "page": page}, 2000)
    assert len(fitted["data"]) < 100
    assert fitted.get("page", {}).get("next") != {"page": 2, "rows": 100}


def test_a_vendor_that_is_no_table_is_a_config_error(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('fivecrm = "yes"\n', encoding="utf-8")
    with pytest.raises(ConfigError):
        load_settings({"CRM_MCP_FIVECRM_HASH": "x"}, file)


@pytest.mark.parametrize(
    "address",
    [
        "https://crm.example.com/?",
        "https://crm.example.com/#",
        "https://crm.example.com:80a",
        "https://crm.example.com:99999",
        "https://crm.exa\nmple.com",
        "https://crm example.com",
    ],
)
def test_an_address_that_cannot_be_used_stops_the_start(address: str) -> None:
    with pytest.raises(ValidationError):
        VendorSettings(base_url=address)


@pytest.mark.parametrize(
    "written",
    [
        json.dumps('ö"x', ensure_ascii=False)[1:-1],  # how previews and results are written
        "%c3%b6%22x",
    ],
)
def test_a_secret_is_masked_in_these_spellings_too(written: str) -> None:
    assert written not in Redactor(['ö"x']).text(written)


@pytest.mark.parametrize("char", ["\u3164", "\u115f", "\ufe0f", "\U000e0100", "\u2800", "\u034f"])
def test_these_cannot_be_seen_either(char: str) -> None:
    assert char not in visible(f"a{char}b")


def test_a_dot_in_a_name_is_not_a_level() -> None:
    assert list(leaves({"a": {"b": 1}})) != list(leaves({"a.b": 1}))


def test_half_characters_are_mended_in_every_encoding() -> None:
    content = '{"a": "\\ud800"}'.encode("utf-16")
    assert decode_json(Reply(200, {}, content)) == {"a": "\ufffd"}


def test_who_asks_for_two_days_is_not_asked_again_at_once(five: Five) -> None:
    reply = Reply(429, {"retry-after": "172800"}, b"")
    assert wait_before_retry(five["fivecrm_areas_list"], reply, 1) is None


def test_visible_codes_can_be_told_apart() -> None:
    assert visible("\U000e0001") != visible("\ue000") + "1"


def test_a_secret_that_hidden_characters_divide_is_masked(five: Five) -> None:
    body = b'{"STATUS": "success", "AREAS": ["s3c\\u200bret"]}'
    outcome = respond(
        five["fivecrm_areas_list"], VENDOR, Reply(200, {}, body), {}, Redactor(["s3cret"])
    )
    assert "s3cret" not in as_text(outcome.as_dict())


def test_a_field_name_cannot_pretend_to_be_a_difference(five: Five) -> None:
    name = "amount: 5 → 5 (same). note"
    look = Look((), {}, (Difference(name, None, 900, "unknown"),))
    call = BoundCall(five[WRITE], {}, bind(five[WRITE], {}), "a", "c")
    assert f"  {name}: " not in render(call, Context(BASE, (look,)), Redactor())


@pytest.mark.parametrize("value", ["03/04/2026", "2026-04-031", "1.234.567"])
def test_what_is_no_telephone_number_is_not_said_as_one(value: str) -> None:
    assert "digits" not in echo(value)


def test_a_call_without_arguments_has_no_nameless_line(five: Five) -> None:
    call = BoundCall(five[WRITE], {}, bind(five[WRITE], {}), "a", "c")
    assert "   = {}" not in render(call, Context(BASE), Redactor()).splitlines()
