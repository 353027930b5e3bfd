"""Attacks on the service: each is refused, each stands in the record, none tells a token."""

import asyncio
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from serviced import HELLO, SCOPES, TOKENS, Service, serving_service, token_lines

from crm_mcp.audit import Audit
from crm_mcp.config import load_settings
from crm_mcp.errors import ConfigError
from crm_mcp.service import denials, limits
from crm_mcp.service.answers import answer
from crm_mcp.service_settings import ServiceSettings
from crm_mcp.state import StateFolder

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
ANNA = {"authorization": f"Bearer {TOKENS['anna']}"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(autouse=True)
def no_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "A_MINUTE", 100_000)


def post(service: Service, headers: dict[str, str], body: Any = HELLO) -> httpx2.Response:
    with httpx2.Client(headers=ACCEPT) as http:
        return http.post(service.url, json=body, headers=headers)


def raw(service: Service, head: str, body: bytes = b"", *, wait: float = 10.0) -> bytes:
    """Send bytes as they are, and read until the other side hangs up."""
    host, port = service.origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as line:
        line.sendall(head.replace("\n", "\r\n").encode("latin-1") + body)
        heard = b""
        while some := line.recv(65_536):
            heard += some
            if b"\r\n\r\n" in heard and heard.split(b" ", 2)[1] != b"200":
                break
        return heard


def status(heard: bytes) -> int:
    return int(heard.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 401),
        ({"authorization": "Bearer x"}, 401),
        ({"authorization": f"Bearer {TOKENS['anna'][:-1]}"}, 401),
        ({"authorization": f"Bearer  {TOKENS['anna']}"}, 401),
        ({"authorization": f"Basic {TOKENS['anna']}"}, 401),
        ({"authorization": TOKENS["anna"]}, 401),
        ({"cookie": f"authorization=Bearer {TOKENS['anna']}"}, 401),
        (ANNA | {"host": "evil.example"}, 421),
        (ANNA | {"host": "localhost.evil.example"}, 421),
        (ANNA | {"origin": "https://evil.example"}, 403),
        (ANNA | {"origin": "null"}, 403),
        (ANNA | {"origin": "http://localhost.evil.example"}, 403),
        (ANNA | {"mcp-session-id": "0" * 32}, 404),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else str(value),
)
def test_a_request_that_nobody_may_send_is_refused_and_recorded(
    service: Service, headers: dict[str, str], expected: int
) -> None:
    before, sent = len(service.events("denied")), len(service.sandbox.log)

    refused = post(service, headers)

    assert refused.status_code == expected
    [line] = service.events("denied")[before:]
    assert (line["status"], line["peer"]) == (expected, "127.0.0.1")
    assert len(service.sandbox.log) == sent


@pytest.mark.parametrize(
    ("proxies", "told", "peer"),
    [
        ("", ["192.0.2.66"], "127.0.0.1"),
        ("10.0.0.0/8", ["192.0.2.66"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.0/8, 127.0.0.0/8", ["192.0.2.66, 192.0.2.7, 10.1.2.3"], "192.0.2.7"),
        ("127.0.0.1", ["192.0.2.66", "192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["x" * 1_000], "x" * 100),
    ],
)
def test_who_is_no_proxy_of_ours_cannot_say_where_a_request_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxies: str, told: list[str], peer: str
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    (tmp_path / "t.toml").write_text(token_lines("anna"), encoding="utf-8")
    forwarded = "".join(f"X-Forwarded-For: {one}\n" for one in told)
    with serving_service(tmp_path, tokens=tmp_path / "t.toml", proxies=proxies) as service:
        head = f"GET /mcp HTTP/1.1\nHost: {service.origin[7:]}\n{forwarded}Connection: close\n\n"
        assert status(raw(service, head)) == 401

        [line] = service.events("denied")
    assert line["peer"] == peer


def test_a_mistake_of_a_known_caller_is_no_denial(service: Service) -> None:
    before = len(service.events("denied"))

    assert post(service, ANNA | {"content-type": "text/plain"}).status_code == 400
    assert post(service, ANNA, {"jsonrpc": "2.0"}).status_code == 400
    assert len(service.events("denied")) == before


def test_the_token_in_the_query_is_no_token(service: Service) -> None:
    with httpx2.Client(headers=ACCEPT) as http:
        url = f"{service.url}?access_token={TOKENS['anna']}"
        assert http.post(url, json=HELLO).status_code == 401

    assert TOKENS["anna"] not in json.dumps(service.events("denied"))


def test_a_token_whose_time_is_over_is_refused(tmp_path: Path) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    with serving_service(tmp_path) as service:
        service.tokens.write_text(token_lines("anna", expires=str(yesterday)), encoding="utf-8")
        assert post(service, ANNA).status_code == 401

        service.tokens.write_text(
            token_lines("anna", expires=str(yesterday + timedelta(days=3))), encoding="utf-8"
        )
        assert post(service, ANNA).status_code == 200


def test_a_file_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    with serving_service(tmp_path) as service:
        assert post(service, ANNA).status_code == 200
        service.tokens.unlink()
        assert post(service, ANNA).status_code == 401
        service.tokens.write_text("[[caller", encoding="utf-8")
        assert post(service, ANNA).status_code == 401
        service.tokens.write_text(token_lines(*SCOPES), encoding="utf-8")
        assert post(service, ANNA).status_code == 200


BODY = json.dumps(HELLO).encode()
HEAD = (
    "POST /mcp HTTP/1.1\nHost: 127.0.0.1:1\nContent-Type: application/json\n"
    "Accept: application/json, text/event-stream\n"
)
AUTHORIZATION = f"Authorization: {ANNA['authorization']}\n"


@pytest.mark.parametrize(
    "head",
    [
        f"{HEAD}{AUTHORIZATION}Content-Length: {len(BODY)}\nTransfer-Encoding: chunked\n\n",
        f"{HEAD}{AUTHORIZATION}Content-Length: {len(BODY)}\nContent-Length: 5\n\n",
        f"{HEAD}{AUTHORIZATION}Host: evil.example\nContent-Length: {len(BODY)}\n\n",
        f"{HEAD}{AUTHORIZATION}{AUTHORIZATION}Content-Length: {len(BODY)}\n\n",
        f"{HEAD}{AUTHORIZATION}Authorization: Bearer x\nContent-Length: {len(BODY)}\n\n",
        f"{HEAD}{AUTHORIZATION}Mcp-Session-Id: a\nMcp-Session-Id: b\nContent-Length: 2\n\n",
        f"{HEAD}{AUTHORIZATION}Transfer-Encoding: chunked\nTransfer-Encoding: identity\n\n",
        f"{HEAD}{AUTHORIZATION}Transfer-Encoding: xchunked\n\n",
        f"{HEAD}{AUTHORIZATION}Content-Length: -1\n\n",
        f"{HEAD}{AUTHORIZATION}Content-Length : {len(BODY)}\n\n",
        f"{HEAD}{AUTHORIZATION}X-Folded: a\n Host: evil.example\nbad header\n\n",
        f"{HEAD}{AUTHORIZATION}X: {'a' * 70_000}\n\n",
    ],
)
def test_headers_that_two_readers_could_read_otherwise_are_refused(
    service: Service, head: str
) -> None:
    sent, before = len(service.sandbox.log), len(service.events("denied"))

    assert status(raw(service, head, BODY)) in {400, 431, 501}
    assert len(service.sandbox.log) == sent
    with httpx2.Client() as http:
        for _ in range(500):  # what is no HTTP at all is recorded while it is being refused
            if len(service.events("denied")) == before:
                http.get(f"{service.origin}/healthz")
    line = service.events("denied")[before]
    assert line["status"] in {400, 431}
    assert line["peer"] == "127.0.0.1"


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, *, declared: bool) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(token_lines("anna"), encoding="utf-8")
    with serving_service(tmp_path, tokens=tokens, max_body_bytes=1_000) as service:
        if declared:
            head = f"{HEAD}{AUTHORIZATION}Content-Length: 9000\n\n"
            heard = raw(service, head, b" " * 2_000)
        else:
            head = f"{HEAD}{AUTHORIZATION}Transfer-Encoding: chunked\n\n"
            heard = raw(service, head, b"7d0\r\n" + b" " * 2_000 + b"\r\n")

        assert status(heard) == 413
        assert [line["status"] for line in service.events("denied")] == [413]


def test_an_unknown_caller_cannot_make_it_read_a_body(service: Service) -> None:
    heard = raw(service, f"{HEAD}Content-Length: 4000000\n\n", b" ")

    assert status(heard) == 401


def test_a_body_that_only_trickles_is_given_up(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)

    heard = raw(service, f"{HEAD}{AUTHORIZATION}Content-Length: 500\n\n", b'{"json')

    assert status(heard) == 408
    assert service.events("denied")[-1]["status"] == 408


@pytest.mark.parametrize("head", ["", "POST /mcp HT", HEAD])
def test_headers_that_only_trickle_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.2)
    with serving_service(tmp_path) as service:
        assert raw(service, head) == b""


def test_a_second_request_on_one_line_that_only_trickles_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.3)
    with serving_service(tmp_path) as service:
        host, port = service.origin.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")
            heard = line.recv(65_536)
            line.sendall(b"GET /heal")
            rest = b"".join(iter(lambda: line.recv(65_536), b""))

    assert status(heard) == 200
    assert (b"200 OK" in rest, b"alive" in heard + rest) == (False, True)


@pytest.mark.anyio
async def test_no_caller_takes_all_turns(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(token_lines("anna", "ben"), encoding="utf-8")
    with serving_service(tmp_path, tokens=tokens, max_calls=2) as service:
        host, port = service.origin.removeprefix("http://").split(":")
        held = f"{HEAD}{AUTHORIZATION}Content-Length: 500\n\n{{".replace("\n", "\r\n")
        lines = []
        for _ in range(2):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(held.encode())
            await writer.drain()
            lines.append(writer)
        async with httpx2.AsyncClient(headers=ACCEPT, base_url=service.origin) as http:
            while True:  # until both have arrived
                refused = await http.post("/mcp", json=HELLO, headers=ANNA)
                if refused.status_code != 200:
                    break
            ben = {"authorization": f"Bearer {TOKENS['ben']}"}
            other = await http.post("/mcp", json=HELLO, headers=ben)
        for writer in lines:
            writer.close()
            await writer.wait_closed()

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert other.status_code == 200


@pytest.mark.anyio
async def test_a_flood_of_refusals_is_counted_and_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "A_MINUTE", 3)
    seconds = iter([0.0] * 8 + [60.0])
    audit = Audit(StateFolder(tmp_path))
    guard = denials.Denials(answer(401, "no"), denials.RefusalRecord(audit, lambda: next(seconds)))
    transport = httpx2.ASGITransport(guard)
    async with httpx2.AsyncClient(transport=transport, base_url="http://crm") as http:
        for _ in range(9):
            await http.get("/mcp")

    lines = [line.get("unrecorded", 0) for line in audit.lines()]
    assert lines == [0, 0, 0, 5]


@pytest.mark.anyio
async def test_a_refusal_stands_where_it_cannot_be_recorded(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("", encoding="utf-8")
    guard = denials.Denials(answer(401, "no"), denials.RefusalRecord(Audit(StateFolder(no_folder))))
    transport = httpx2.ASGITransport(guard)
    async with httpx2.AsyncClient(transport=transport, base_url="http://crm") as http:
        assert (await http.get("/mcp")).status_code == 401


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"anyone": "true", "host": "0.0.0.0"}, "HTTP_URL is missing"),  # noqa: S104 - refused
        (
            {"anyone": "true", "host": "0.0.0.0", "url": "https://crm.example/mcp"},  # noqa: S104
            "this machine only",
        ),
        ({"anyone": "true", "tokens": "x.toml"}, "set one of"),
        ({"issuer": "https://login.example"}, "HTTP_KEYS_URL"),
        ({"issuer": "http://login.example", "keys_url": "https://login.example/keys"}, "https"),
        ({"url": "https://user:word@crm.example/mcp"}, "must be an address"),
        ({"proxies": "*"}, "addresses or networks"),
        ({"proxies": "10.0.0.1, proxy.example"}, "addresses or networks"),
    ],
)
def test_settings_that_would_open_it_are_refused(told: dict[str, str], why: str) -> None:
    environment = {f"CRM_MCP_HTTP_{name.upper()}": value for name, value in told.items()}

    with pytest.raises(ConfigError, match=why):
        load_settings(environment)
    with pytest.raises(ValidationError):
        ServiceSettings.model_validate(told)
