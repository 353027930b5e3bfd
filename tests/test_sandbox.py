"""The sandbox as a whole: who is asked, what is logged, what goes wrong on demand, and where."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sockets import serving

from crm_mcp.errors import ConfigError
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.sandbox import stand_ins
from crm_mcp.sandbox.app import Sandbox, Seen
from crm_mcp.sandbox.faults import Fault
from crm_mcp.vendors import load_vendor_code

ORIGIN = "http://sandbox.localhost"
MARK = "X-Crm-Mcp-Sandbox"
PRODUCT = {
    "customerProducts[0][account]": "1",
    "customerProducts[0][product]": "Chair",
    "customerProducts[0][manufacturer]": "",
}
IMPORT = {"mode": "importCustomerProducts", "area": "001", **PRODUCT}
READ = Seen("fivecrm", "fivecrm_hash_validate", "read", changed=False)
WRITE = Seen("fivecrm", "fivecrm_customer_products_import", "create", changed=True)
UNTOUCHED = WRITE._replace(changed=False)

BROKEN = (httpx.ReadError, httpx.RemoteProtocolError)

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox({"fivecrm": load_vendor(schemas_root(), "fivecrm")})


class Client:
    """A client that knows where the stand-in is, and its hash."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient, origin: str = ORIGIN) -> None:
        settings = sandbox.settings("fivecrm", origin)
        self.origin = origin
        self.http = http
        self._address = f"{settings['base_url']}/api2.php"
        self._hash = {"hash": settings["hash"]}

    async def read(self) -> httpx.Response:
        return await self.http.post(f"{self._address}?mode=validateHash", data=self._hash)

    async def write(self) -> httpx.Response:
        return await self.http.post(self._address, data=IMPORT | self._hash)

    async def order(self, **fault: Any) -> httpx.Response:
        return await self.http.post(f"{self.origin}/_sandbox/faults", json=fault)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        yield Client(sandbox, http)


@pytest.fixture
def origin(sandbox: Sandbox) -> Iterator[str]:
    with serving(sandbox) as address:
        yield address


@pytest.fixture
async def remote(sandbox: Sandbox, origin: str) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield Client(sandbox, http, origin)


# Who is there


def test_stand_ins_are_found_by_looking() -> None:
    assert "fivecrm" in stand_ins()
    assert not {"app", "story", "faults", "fivecrm_data"} & set(stand_ins())


def test_a_vendor_is_there_when_it_has_operations_and_a_stand_in(sandbox: Sandbox) -> None:
    operations = load_vendor(schemas_root(), "fivecrm")
    assert sandbox.vendors == ("fivecrm",)
    assert Sandbox({}).vendors == ()
    assert Sandbox({"fivecrm": operations, "acme": operations}).vendors == ("fivecrm",)


def test_the_settings_are_those_that_the_vendor_asks_for(sandbox: Sandbox) -> None:
    settings = sandbox.settings("fivecrm", ORIGIN)
    made = load_vendor_code("fivecrm").settings.model_validate(settings)
    assert made.base_url == f"{ORIGIN}/fivecrm"


def test_settings_of_a_vendor_without_a_stand_in_name_those_there_are(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="no sandbox for 'acme'; there are: fivecrm"):
        sandbox.settings("acme", ORIGIN)
    with pytest.raises(ConfigError, match="no sandbox for 'fivecrm'; there are: none"):
        Sandbox({}).settings("fivecrm", ORIGIN)


async def test_every_answer_says_that_it_comes_from_the_sandbox(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.faults.plan(Fault("error_before"))
    replies = [
        await client.write(),
        await client.write(),
        await client.http.post(f"{ORIGIN}/fivecrm/elsewhere"),
        await client.http.get(f"{ORIGIN}/acme/api"),
        await client.http.get(f"{ORIGIN}/_sandbox/log"),
    ]
    assert [reply.status_code for reply in replies] == [500, 200, 404, 404, 200]
    assert {reply.headers[MARK] for reply in replies} == {"1"}


async def test_each_sandbox_has_records_of_its_own(sandbox: Sandbox, client: Client) -> None:
    other = Sandbox({"fivecrm": load_vendor(schemas_root(), "fivecrm")})
    async with httpx.AsyncClient(transport=other.transport()) as http:
        elsewhere = (await Client(other, http).write()).json()
        assert (await client.write()).json() == elsewhere
        assert (await client.write()).json() != elsewhere
    assert (len(sandbox.log), len(other.log)) == (2, 1)


# What is logged


async def test_the_log_tells_reads_from_writes_that_changed_something(
    sandbox: Sandbox, client: Client
) -> None:
    await client.read()
    await client.write()
    assert sandbox.log == (READ, WRITE)


async def test_a_write_that_is_refused_changes_nothing(sandbox: Sandbox, client: Client) -> None:
    await client.http.post(f"{ORIGIN}/fivecrm/api2.php", data=IMPORT)
    assert sandbox.log == (UNTOUCHED,)


async def test_a_request_that_fits_no_operation_is_logged_without_a_name(
    sandbox: Sandbox, client: Client
) -> None:
    await client.http.post(f"{ORIGIN}/fivecrm/api2.php?mode=getSecrets")
    await client.http.get(f"{ORIGIN}/fivecrm/api2.php?mode=validateHash")
    assert sandbox.log == (Seen("fivecrm", "", "", changed=False),) * 2


async def test_a_slash_within_a_segment_of_the_address_is_kept(
    sandbox: Sandbox, client: Client
) -> None:
    await client.http.post(f"{ORIGIN}/fivecrm/api2.php%2F?mode=validateHash")
    await client.http.post(f"{ORIGIN}/fivecrm/%2E%2E/api2.php?mode=validateHash")
    assert [entry.operation for entry in sandbox.log] == ["", ""]


# What goes wrong on demand


async def test_a_fault_meets_as_many_requests_as_planned_and_then_no_more(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.faults.plan(Fault("error_before"), times=2)
    sandbox.faults.plan(Fault("invalid_json"))
    statuses = [(await client.read()).status_code for _ in range(4)]
    assert statuses == [500, 500, 200, 200]


async def test_cleared_faults_meet_nobody(sandbox: Sandbox, client: Client) -> None:
    sandbox.faults.plan(Fault("error_before"), times=5)
    sandbox.faults.clear()
    assert (await client.read()).status_code == 200


async def test_a_rate_limit_says_when_to_come_back_and_nothing_is_carried_out(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.faults.plan(Fault("rate_limited", seconds=6.5))
    reply = await client.write()
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "7")
    assert sandbox.log == (UNTOUCHED,)


@pytest.mark.parametrize(("kind", "entry"), [("error_before", UNTOUCHED), ("error_after", WRITE)])
async def test_an_error_comes_before_or_after_the_write(
    sandbox: Sandbox, client: Client, kind: Any, entry: Seen
) -> None:
    sandbox.faults.plan(Fault(kind))
    assert (await client.write()).status_code == 500
    assert sandbox.log == (entry,)


@pytest.mark.parametrize(("kind", "entry"), [("drop_before", UNTOUCHED), ("drop_after", WRITE)])
async def test_a_dropped_connection_is_a_read_error_in_process(
    sandbox: Sandbox, client: Client, kind: Any, entry: Seen
) -> None:
    sandbox.faults.plan(Fault(kind))
    with pytest.raises(httpx.ReadError, match="dropped"):
        await client.write()
    assert sandbox.log == (entry,)
    assert (await client.read()).status_code == 200


async def test_invalid_json_claims_to_be_json(sandbox: Sandbox, client: Client) -> None:
    sandbox.faults.plan(Fault("invalid_json"))
    reply = await client.write()
    assert reply.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match="Unterminated"):
        reply.json()
    assert sandbox.log == (WRITE,)


async def test_an_oversized_answer_is_wrong_by_its_size_alone(
    sandbox: Sandbox, client: Client
) -> None:
    usual = await client.read()
    sandbox.faults.plan(Fault("oversized", size=3_000_000))
    reply = await client.read()
    assert len(reply.content) == 3_000_000
    assert reply.json() == usual.json()
    assert reply.headers["content-type"] == usual.headers["content-type"]


async def test_latency_makes_the_answer_late_and_the_write_is_carried_out(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.faults.plan(Fault("latency", seconds=3600))
    client.http.timeout = httpx.Timeout(20, read=0.02)
    with pytest.raises(httpx.ReadTimeout):
        await client.write()
    assert sandbox.log == (WRITE,)


async def test_an_answer_that_is_late_but_in_time_is_the_usual_one(
    sandbox: Sandbox, client: Client
) -> None:
    usual = await client.read()
    sandbox.faults.plan(Fault("latency", seconds=0.001))
    client.http.timeout = httpx.Timeout(None)
    assert (await client.read()).json() == usual.json()


@pytest.mark.parametrize(
    "fault",
    [{"kind": "flood"}, {"kind": "latency", "seconds": -1}, {"kind": "oversized", "size": 0}],
)
def test_a_fault_that_makes_no_sense_cannot_be_made(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fault(**fault)


# Over a socket


async def test_over_a_socket_it_answers_as_in_process(
    sandbox: Sandbox, client: Client, remote: Client
) -> None:
    there, here = await remote.read(), await client.read()
    assert (there.content, there.headers[MARK]) == (here.content, "1")
    assert (await remote.write()).json()["STATUS"] == "success"
    assert sandbox.log == (READ, READ, WRITE)


@pytest.mark.parametrize(("kind", "entry"), [("drop_before", UNTOUCHED), ("drop_after", WRITE)])
async def test_over_a_socket_a_dropped_connection_breaks(
    sandbox: Sandbox, remote: Client, kind: str, entry: Seen
) -> None:
    assert (await remote.order(kind=kind)).status_code == 201
    with pytest.raises(BROKEN):
        await remote.write()
    assert sandbox.log == (entry,)
    assert (await remote.read()).status_code == 200


async def test_over_a_socket_faults_are_planned_counted_and_cleared(remote: Client) -> None:
    assert (await remote.order(kind="rate_limited", seconds=30)).json() == {"waiting": 1}
    assert (await remote.order(kind="error_after", times=4)).json() == {"waiting": 5}
    assert (await remote.read()).headers["Retry-After"] == "30"
    assert (await remote.read()).status_code == 500
    cleared = await remote.http.delete(f"{remote.origin}/_sandbox/faults")
    assert (cleared.status_code, (await remote.read()).status_code) == (204, 200)


async def test_over_a_socket_the_log_is_read_and_the_reading_not_logged(remote: Client) -> None:
    await remote.write()
    for _ in range(2):
        log = (await remote.http.get(f"{remote.origin}/_sandbox/log")).json()
        assert log == [
            {
                "vendor": "fivecrm",
                "operation": "fivecrm_customer_products_import",
                "effect": "create",
                "changed": True,
            }
        ]


@pytest.mark.parametrize(
    ("order", "where"),
    [
        ({"kind": "flood"}, ["kind"]),
        ({"kind": "latency", "minutes": 1}, ["minutes"]),
        ({"kind": "latency", "times": 0}, ["times"]),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_with_the_place(
    sandbox: Sandbox, client: Client, order: dict[str, Any], where: list[str]
) -> None:
    reply = await client.order(**order)
    assert (reply.status_code, reply.json()["error"][0]["loc"]) == (422, where)
    assert len(sandbox.faults) == 0


async def test_an_order_that_is_no_json_is_refused(client: Client) -> None:
    reply = await client.http.post(f"{ORIGIN}/_sandbox/faults", content=b"latency!")
    assert reply.status_code == 422
