"""Whom the Synergist stand-in lets in, how it refuses, and what its envelope tells."""

import json
from hashlib import sha512

import httpx
import pytest
from synergist_caller import RULE, Crm, refused, values

from crm_mcp.bind import bind
from crm_mcp.errors import ConfigError
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.base import Call
from crm_mcp.sandbox.synergist.areas import AREAS, CALLS
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.vendors import load_vendor_code

ORIGIN = "http://sandbox.localhost"
HASH = sha512(b"sandbox-password-of-maya").hexdigest()


@pytest.fixture
def crm() -> Crm:
    return Crm()


# Who is let in


@pytest.mark.parametrize(
    ("credentials", "code", "words"),
    [
        ({"user": ""}, 404001, "no credentials supplied"),
        ({"user": "maya"}, 404001, "no credentials supplied"),
        ({"password": "x"}, 404001, "no credentials supplied"),
        ({"user": "maya", "password": "guessed"}, 404002, "invalid credentials supplied"),
        ({"user": "nobody", "password": "guessed"}, 404002, "invalid credentials supplied"),
        ({"user": "maya", "sha512password": "ü"}, 404002, "invalid credentials supplied"),
        (
            {"user": "Rufus", "password": "sandbox-password-of-rufus"},
            404003,
            "account disabled",
        ),
    ],
)
def test_who_is_not_let_in_is_told_why(credentials: dict[str, str], code: int, words: str) -> None:
    crm = Crm(**credentials)
    assert crm.refusal("companies") == (code, words)
    assert crm.refusal("nowhere") == (code, words)


@pytest.mark.parametrize(
    "credentials",
    [
        {"user": "Maya", "password": "sandbox-password-of-maya"},
        {"user": "maya", "sha512password": HASH},
        {"user": "MAYA", "sha512password": HASH.upper()},
        {"user": "owen", "password": "sandbox-password-of-owen"},
    ],
)
def test_password_and_hash_let_somebody_in(credentials: dict[str, str]) -> None:
    assert len(Crm(**credentials).rows("companies")) == 2


def test_the_hash_that_it_tells_is_the_one_that_lets_in(crm: Crm) -> None:
    row = crm.row("users", action="GETSHA512")
    assert (row["userUserId"], row["userPasswordSha512"]) == (11, HASH)


# What it does not know


@pytest.mark.parametrize("area", ["diary", "job", ""])
def test_an_unknown_area_is_not_recognized(crm: Crm, area: str) -> None:
    assert crm.refusal(area) == (404004, "request not recognized")


def test_another_version_is_not_recognized(crm: Crm) -> None:
    assert crm.refusal("companies", version="4.0") == (404004, "request not recognized")
    assert crm.refusal("companies", version="") == (404004, "request not recognized")
    assert len(crm.rows("companies", version="3.1")) == 2


def test_everything_but_get_is_not_recognized(crm: Crm) -> None:
    query = tuple({**crm.credentials, "version": "3.2"}.items())
    answer = crm.stand_in.misfit(Call("POST", "/jsonapi/companies.json", query))
    assert refused(answer) == (404004, "request not recognized")


def test_an_unknown_action_is_named_and_harmless_in_xml(crm: Crm) -> None:
    assert crm.refusal("jobs", action='<a&"\x00>') == (RULE, 'invalid action <a&">')
    assert crm.refusal("users") == (RULE, "invalid action none")


def test_capitals_make_no_difference_in_areas_actions_and_parameters(crm: Crm) -> None:
    wanted = crm.rows("jobs", action="teams", company=1)
    assert crm.rows("JOBS", ACTION="Teams", Company=1) == wanted
    assert wanted


# The envelope


def test_a_list_tells_its_figures(crm: Crm) -> None:
    reply = crm.reply("jobs", rows=2, page=4, company=1)
    rows = reply.pop("data")
    assert (len(rows), rows) == (2, crm.rows("jobs", company=1)[6:8])
    assert reply == {
        "totalrows": 19,
        "totalpages": 10,
        "responsemessage": "",
        "pagerows": 2,
        "pagenumber": 4,
    }


def test_pages_count_from_one_and_the_document_s_zero_is_the_first_too(crm: Crm) -> None:
    first = crm.rows("activities", rows=5, page=1)
    assert crm.rows("activities", rows=5) == crm.rows("activities", rows=5, page=0) == first
    last = crm.reply("activities", rows=5, page=7)
    assert (len(last["data"]), last["totalpages"]) == (3, 7)
    assert crm.rows("activities", rows=5, page=8) == []


def test_no_rows_and_zero_rows_are_all_rows(crm: Crm) -> None:
    whole = crm.reply("phases")
    assert whole == crm.reply("phases", rows=0)
    figures = (len(whole["data"]), whole["totalrows"], whole["totalpages"], whole["pagerows"])
    assert figures == (37, 37, 1, 0)


def test_every_list_has_enough_for_a_fourth_page(crm: Crm) -> None:
    for area in ("activities", "clients", "clientcontacts", "jobs", "phases"):
        assert crm.rows(area, rows=2, page=4, company=1)


def test_an_empty_list_has_one_page(crm: Crm) -> None:
    reply = crm.reply("jobs", job="1/0", rows=10)
    assert (reply["data"], reply["totalrows"], reply["totalpages"]) == ([], 0, 1)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"rows": "many"}, "invalid rows many"),
        ({"rows": -1}, "invalid rows -1"),
        ({"page": "1.5"}, "invalid page 1.5"),
        ({"company": 9}, "company 9 not found"),
        ({"company": "one"}, "invalid company one"),
        ({"company": "[1"}, "company is no list"),
        ({"timestampfrom": "today"}, "invalid timestampfrom today"),
        ({"style": "fancy"}, "invalid style fancy"),
        ({"modelstructure": "clientslist"}, "invalid modelstructure clientslist"),
        ({"view": -1001}, "invalid view -1001"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(
    crm: Crm, parameters: dict[str, object], words: str
) -> None:
    assert crm.why("jobs", **parameters) == words


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "input is missing"),
        ("{", "input is no JSON"),
        ("[" * 100_000, "input is no JSON"),
        ("[]", "input holds no data"),
        ('{"data": []}', "input holds no data"),
        ('{"data": {}}', "input holds no data"),
        ('{"data": [1]}', "data must be objects"),
    ],
)
def test_an_input_without_items_is_refused(crm: Crm, document: str, words: str) -> None:
    assert crm.why("jobs", action="update", input=document) == words


# Companies and the system


def test_its_companies_are_tidewell_s(crm: Crm) -> None:
    rows = crm.rows("companies")
    names = ["Tidewell Interiors", "Tidewell Service"]
    assert (values(rows, "companyName"), values(rows, "companyDefault")) == (names, [True, False])
    assert values(crm.rows("companies", company=2), "companyNumber") == [2]


def test_the_system_tells_its_version_and_where_files_live(crm: Crm) -> None:
    (row,) = crm.reply("system", action="version")["data"]
    assert (row["systemparameters_versionno"], row["variable_apiversion"]) == (12.2, "3.2")
    assert row["variable_attachmentstorage"] == "Database"
    crm.stand_in.use_s3()
    (row,) = crm.reply("system", action="version")["data"]
    assert row["variable_attachmentstorage"] == "Amazon S3"


def test_two_new_sandboxes_hold_the_same_ids_and_uuids() -> None:
    assert Crm().rows("activities") == Crm().rows("activities")
    uuids = {row["activityuuid"] for row in Crm().rows("activities")}
    assert len(uuids) == 33
    assert all(len(uuid) == 32 and uuid == uuid.upper() for uuid in uuids)


def test_a_code_names_one_record(crm: Crm) -> None:
    with pytest.raises(RefusalError, match="team 1/sal already exists"):
        crm.world.add("team", {}, key="1/sal")


def test_the_areas_do_not_answer_to_the_same_call() -> None:
    assert sum(len(area.calls) for area in AREAS) == len(CALLS)


# In the sandbox


def calls_of(operation: Operation) -> set[tuple[str, str]]:
    """Name the areas and actions that an operation can call."""
    arguments = json.loads(operation.sample)
    words = operation.properties.get("action", {}).get("enum")
    choices = [{**arguments, "action": word} for word in words] if words else [arguments]
    specs = [bind(operation, chosen) for chosen in choices]
    return {
        (
            spec.target.partition("?")[0].removeprefix("/jsonapi/").removesuffix(".json"),
            dict(spec.query).get("action", "").partition(" ")[0].lower(),
        )
        for spec in specs
    }


def test_every_operation_calls_something_that_it_knows() -> None:
    operations = load_vendor(schemas_root(), "synergist")
    called = {call for operation in operations for call in calls_of(operation)}
    assert called <= set(CALLS)
    assert len(operations) > 100


def new_sandbox() -> Sandbox:
    return Sandbox({"synergist": load_vendor(schemas_root(), "synergist")})


def test_its_settings_are_those_that_the_vendor_asks_for() -> None:
    settings = new_sandbox().settings("synergist", ORIGIN)
    made = load_vendor_code("synergist").settings.model_validate(settings)
    assert made.base_url == f"{ORIGIN}/synergist"


@pytest.mark.anyio
async def test_it_answers_over_http_and_writes_down_what_it_was_asked() -> None:
    sandbox = new_sandbox()
    query = {"user": "maya", "password": "sandbox-password-of-maya", "version": "3.2"}
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url=ORIGIN) as http:
        listed = await http.get("/synergist/jsonapi/jobs.json", params={**query, "company": 1})
        document = {"data": [{"jobNumber": "1/00001001", "jobComments": "äöü & more"}]}
        write = {**query, "action": "update", "input": json.dumps(document)}
        await http.get("/synergist/jsonapi/jobs.json", params=write)
        lost = await http.get("/synergist/jsonapi/nowhere.json", params=query)
    assert listed.json()["totalrows"] == 19
    assert (lost.status_code, "404004" in lost.text) == (404, True)
    assert [seen.changed for seen in sandbox.log] == [False, True, False]


@pytest.mark.anyio
async def test_where_its_files_live_is_switched_from_outside() -> None:
    sandbox = new_sandbox()
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url=ORIGIN) as http:
        assert (await http.post("/_sandbox/synergist/use_s3")).status_code == 204
        lost = await http.post("/_sandbox/synergist/explode")
    assert (lost.status_code, "use_database" in lost.text) == (404, True)
    stand_in = sandbox.stand_in("synergist")
    stand_in.controls["use_database"]()
    with pytest.raises(ConfigError, match="use_s3, use_database"):
        sandbox.control("synergist", "explode")
    with pytest.raises(ConfigError, match="no sandbox for 'other'; there are: synergist"):
        sandbox.control("other", "explode")


def test_a_vendor_may_have_nothing_to_switch() -> None:
    sandbox = Sandbox({"fivecrm": ()})
    with pytest.raises(ConfigError, match="no control 'use_s3' of fivecrm; there are: none"):
        sandbox.control("fivecrm", "use_s3")
