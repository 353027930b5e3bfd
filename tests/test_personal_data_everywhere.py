"""Nobody of the story appears where a caller, the record of writes or a log could tell of them."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from overheard import KEY, POLICIES, Overheard, connected, settings_of

from crm_mcp.app import App, load_catalogue, open_app
from crm_mcp.commands.setup import start_logging
from crm_mcp.errors import ToolFailure
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.marks import Tokens
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.sandbox import stand_ins, story

pytestmark = pytest.mark.anyio

WRITE = "fivecrm_customer_products_import"
HIDING = ("mask", "token")
VENDORS = sorted(stand_ins())

# What stands in texts, and what may only stand alone: a given name is also a word.
SEVERAL = [
    *(person.name for person in (*story.PEOPLE, *story.COLLEAGUES)),
    *(person.email for person in (*story.PEOPLE, *story.COLLEAGUES)),
    *(number for person in story.PEOPLE for number in (person.phone, person.mobile)),
    *(company.phone for company in story.COMPANIES),
    *(company.address.street for company in story.COMPANIES),
    *(company.address.postcode for company in story.COMPANIES),
]
ALONE = {
    word
    for person in (*story.PEOPLE, *story.COLLEAGUES)
    for word in (*person.name.split(), person.email.partition("@")[0])
} | {colleague.code for colleague in story.COLLEAGUES}

# Arguments to try, by name; a vendor adds those whose values cannot be told from its examples.
POOLS: Mapping[str, tuple[Any, ...]] = {
    "area": ("001", "002"),
    "contName": tuple(person.name for person in story.PEOPLE),
    "contEmail": tuple(person.email for person in story.PEOPLE),
    "contTelephone": tuple(person.phone for person in story.PEOPLE),
    "accCompany": tuple(company.name for company in story.COMPANIES),
    "accPostcode": tuple(company.address.postcode for company in story.COMPANIES),
    "id": tuple(range(1, 150)),
    "search": tuple(person.name for person in (*story.PEOPLE, *story.COLLEAGUES)),
    "resource": tuple(f"1/{colleague.code.upper()}" for colleague in story.COLLEAGUES),
    "company": (1,),
    "client": ("1/CAL001",),
    "job": ("1/00001001", "1/00001001.001"),
    "jobphase": ("1/00001001.001",),
    "Job-Number": ("1/00001001",),
    "supplier": ("1/ASH001",),
    "activity": (7001,),
    "activityID": (7001,),
    "activityid": tuple(range(7001, 7034, 4)),
    "attachment": (5501,),
    "attachmentid": (5501, 5502),
    "diary": (137001,),
    "datefrom": ("2026-01-01",),
    "dateto": ("2026-12-31",),
    "expensesheet": tuple(range(1786, 1791)),
    "expenseline": tuple(range(3395, 3402)),
    "purchase": (10006001,),
    "tspending": (3608, 3609, 3610),
}
USUAL = ("1", "Eleanor Whitby")
MORE_POOLS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "cirrus": {"id": (*range(1, 21), *range(1001, 1008))}
}

# Texts of people's own words, in lists that do not say whom they name in a field.
WORDS = {"activitySubject", "expenselineDescription"}
NAMES = {person.name for person in (*story.PEOPLE, *story.COLLEAGUES)}


def leaves(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """List all texts of a result, names of fields included, each with the field it stands in."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield "", key
            yield from leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, field)
    elif isinstance(value, str):
        yield field, value


def told_of(value: Any) -> set[str]:
    """Find whom a result tells of, but for names in people's own words."""
    found: set[str] = set()
    for field, text in leaves(value):
        known = {known for known in SEVERAL if known in text} | (ALONE & {text})
        found |= known - NAMES if field in WORDS else known
    return found


def tries(operation: Operation) -> Iterator[dict[str, Any]]:
    """Make arguments to try: those of the examples, then what is required, out of the pools."""
    yield from (example.arguments for example in operation.examples)
    required = list(operation.input_schema.get("required", ()))
    pools = {**POOLS, **MORE_POOLS.get(operation.vendor, {})}
    for at, given in enumerate(product(*(pools.get(name, USUAL) for name in required))):
        least = dict(zip(required, given, strict=True))
        yield least
        if at == 0:  # some want one of those that are not required
            yield from variations(operation, least)


def variations(operation: Operation, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Add each value of the pools for each argument that was left out."""
    pools = {**POOLS, **MORE_POOLS.get(operation.vendor, {})}
    for name, schema in operation.properties.items():
        if name not in given:
            yield from ({**given, name: one} for one in pools.get(name, schema.get("enum", ())))


Telling = tuple[str, Mapping[str, Any], bool]
"""A call that told of somebody, and whether it brought something."""


async def told_by(app: App, name: str, arguments: Mapping[str, Any]) -> tuple[bool, set[str]]:
    """Make one read: whether it brought something, and whom it told of."""
    try:
        outcome = await app.pipeline.call(name, dict(arguments), Caller())
    except ToolFailure as failure:  # nobody asked to hide what the caller gave itself
        return False, told_of(failure.as_dict()) - told_of(arguments)
    result = outcome.as_dict()
    result.get("page", {}).pop("next", None)
    return bool(outcome.data), told_of(result)


async def sweep(app: App, vendor: str) -> tuple[set[str], list[Telling]]:
    """Make all reads of a vendor: those that brought something, and the calls that told of us."""
    answered: set[str] = set()
    telling: list[Telling] = []
    for operation in load_vendor(schemas_root(), vendor):
        if operation.is_write or operation.request.method == "WS":
            continue
        waiting = [*tries(operation)]
        while waiting:
            arguments = waiting.pop(0)
            is_answer, told = await told_by(app, operation.name, arguments)
            if told:
                telling.append((operation.name, arguments, is_answer))
            if is_answer and operation.name not in answered:
                answered.add(operation.name)
                waiting += variations(operation, arguments)  # of what is there
    return answered, telling


FILES_AND_SECRETS: Mapping[str, set[str]] = {
    "synergist": {
        "synergist_expense_line_attachments_download",
        "synergist_expense_line_attachments_get",
        "synergist_expense_line_workflows_list",
        "synergist_password_hashes_get",
        "synergist_purchase_templates_list",
        "synergist_purchases_print",
    },
}
"""Reads that bring no record of data: files, lists that are empty in the story, and a secret."""


@pytest.mark.parametrize("vendor", VENDORS)
async def test_no_read_of_any_stand_in_tells_of_anybody(vendor: str, tmp_path: Path) -> None:
    sandbox = Overheard()
    async with open_app(settings_of(sandbox, tmp_path, "off"), load_catalogue(), sandbox) as app:
        answered, telling = await sweep(app, vendor)
    reads = {one.name for one in load_vendor(schemas_root(), vendor) if not one.is_write}
    if vendor != "interact":  # its feeds and sessions have tests of their own
        assert reads - answered == FILES_AND_SECRETS.get(vendor, set())
    assert len({name for name, *_ in telling}) >= 3  # there is somebody to be told of

    for policy in HIDING:
        settings = settings_of(sandbox, tmp_path, policy)
        async with open_app(settings, load_catalogue(), sandbox) as app:
            hidden = [await told_by(app, name, arguments) for name, arguments, _ in telling]
        assert hidden == [(is_answer, set()) for *_, is_answer in telling]


PERSON = story.ELEANOR
SECRETS = (PERSON.name, "Eleanor", PERSON.email, PERSON.phone, PERSON.mobile)
SPELLED = re.compile("|".join(map(re.escape, (*SECRETS, "Eleanor%20Whitby", "Eleanor+Whitby"))))


def calls_of(vendor: str, policy: str) -> list[tuple[str, dict[str, Any]]]:
    """Read, write, fail and ask about one person, by token where there are any."""
    seal = Tokens(KEY, f"{vendor} (sandbox)").seal
    is_token = policy == "token"
    name, email = (
        seal(kind, value) if is_token else value
        for kind, value in (("person", PERSON.name), ("email", PERSON.email))
    )
    return CALLS[vendor](name, email)


def of_five_crm(name: str, email: str) -> list[tuple[str, dict[str, Any]]]:
    product = {"account": "1", "product": "Desk", "manufacturer": "W", "contact": name}
    item = {**product, "text": f"ask {email}, {PERSON.phone}, {PERSON.mobile}"}
    searched = "fivecrm_privacy_details_search"
    return [
        ("fivecrm_owners_list", {"area": "001"}),
        (searched, {"area": "001", "contName": name, "contEmail": email}),
        (searched, {"area": "001", "contTelephone": PERSON.mobile, "contName": "<person:hidden>"}),
        (searched, {"area": "009", "contName": name}),
        (WRITE, {"area": "001", "customerProducts": [item]}),
        (WRITE, {"area": "001", "customerProducts": [{**item, "account": "99"}]}),
        (WRITE, {"area": "001", "customerProducts": [item] * 30}),
        (WRITE, {"area": "001", "customerProducts": [{**item, PERSON.email: PERSON.phone}]}),
    ]


def of_synergist(name: str, email: str) -> list[tuple[str, dict[str, Any]]]:
    create = "synergist_activities_create"
    text = f"ask {email}, {PERSON.phone}, {PERSON.mobile}"
    note = {"activityActivitytypeCode": "NOTES", "activitySubject": name, "activityDetails": text}
    contacts = "synergist_client_contacts_list"
    return [
        (contacts, {"company": 1, "search": name}),
        (contacts, {"company": 1, "search": email}),
        (contacts, {"company": 1, "search": "<person:hidden>"}),
        ("synergist_jobs_get", {"company": 1, "job": name}),
        (create, {"company": 1, "data": [{**note, "activityClientCode": "1/CAL001"}]}),
        (create, {"company": 1, "data": [{**note, "activityClientCode": name}]}),
        (create, {"company": 1, "data": [{**note, PERSON.email: PERSON.phone}]}),
        ("synergist_activity_comments_create", {"activityID": 7001, "description": text}),
    ]


CALLS = {"fivecrm": of_five_crm, "synergist": of_synergist}


@pytest.mark.parametrize("way", list(product(POLICIES, ["confirm", "unattended", "read_only"])))
@pytest.mark.parametrize("vendor", sorted(CALLS))
async def test_neither_the_record_nor_any_log_tells_of_a_person(
    vendor: str,
    way: tuple[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy, mode = way
    sandbox = Overheard()
    root = logging.getLogger()
    handlers, level, mcp = root.handlers[:], root.level, logging.getLogger("mcp").level
    try:
        start_logging(settings_of(sandbox, tmp_path, policy, log_level="DEBUG"))
        root.addHandler(caplog.handler)
        async with connected(policy, tmp_path, sandbox, mode=mode) as session:
            for name, arguments in calls_of(vendor, policy):
                await session.call(name, **arguments)
            for waiting in session.app.ledger.waiting():
                session.app.ledger.decide(waiting.id, "approved", "a person")
            for name, arguments in calls_of(vendor, policy):
                await session.call(name, **arguments)
    finally:
        root.handlers, root.level = handlers, level
        logging.getLogger("mcp").setLevel(mcp)

    assert (sandbox.writes > 0) == (mode != "read_only")
    record = (tmp_path / "audit.jsonl").read_text(encoding="utf-8")
    logged = capsys.readouterr().err
    assert "httpx" in logged
    assert '"event":' in record
    assert [SPELLED.findall(text) for text in (record, logged, caplog.text)] == [[], [], []]


async def test_a_fault_of_ours_is_logged_without_addresses_and_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = Overheard()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    async def fails(*_: Any) -> None:
        raise KeyError(f"{PERSON.email} or {PERSON.phone}")

    try:
        start_logging(settings_of(sandbox, tmp_path, "off"))
        async with connected("off", tmp_path, sandbox) as session:
            monkeypatch.setattr(session.app.pipeline, "_send", fails)
            result = await session.call("fivecrm_areas_list")
    finally:
        root.handlers, root.level = handlers, level

    logged = capsys.readouterr().err
    assert "KeyError: '••• or •••'" in logged
    assert PERSON.email not in logged + json.dumps(result)
