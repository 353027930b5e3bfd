"""Records before and after a write: compared as they are, shown to the caller without their people.

The vendor is Cirrus, because FIVE CRM offers no read of what its writes change.
"""

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from other_vendors import OTHER_VENDORS

from crm_mcp.audit import Audit
from crm_mcp.confirm import Answer
from crm_mcp.errors import ChangedSincePreview, Unavailable
from crm_mcp.guard import Mode, Permit, Policy
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.loader import load_vendor
from crm_mcp.marks import Masks, Tokens
from crm_mcp.operation import Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.screen import Screen
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import Reply

pytestmark = pytest.mark.anyio

FIXTURES = Path(__file__).parent / "fixtures" / "tool_schemas"
UPDATE = "cirrus_departments_update"
TOKENS = Tokens("a key of thirty-two characters !", "cirrus (test)")
EVERY = [Masks(), TOKENS]
OLD, NEW = "old.hand@x.example", "new.hand@x.example"


@dataclass
class Cirrus:
    """A CRM with one department; `makes` is what it makes of a manager's address."""

    manager: dict[str, Any] = field(
        default_factory=lambda: {"id": 1, "name": "Olga Hand", "email": OLD}
    )
    makes: str = ""
    fails_from: int = 1_000
    sent: list[RequestSpec] = field(default_factory=list)

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, _ear: object
    ) -> Reply:
        assert permit.digest == spec.digest
        self.sent.append(spec)
        if len(self.sent) >= self.fails_from:
            raise Unavailable(f"No answer about {OLD}.")
        if operation.is_write:
            self.manager |= json.loads(spec.json or "")["manager"]
            self.manager["email"] = self.makes or self.manager["email"]
        record = {"id": 7, "name": "Sales", "manager": self.manager}
        return Reply(200, {}, json.dumps(record).encode())


@dataclass
class Person:
    """Somebody who reads, lets something happen meanwhile, and says yes."""

    meanwhile: Any = None
    read: list[str] = field(default_factory=list)
    can_ask: bool = True
    resumes: str | None = None

    async def ready(self) -> None:
        """Be there, as ever."""

    async def ask(self, approval: Approval) -> Answer:
        self.read.append(approval.preview)
        if self.meanwhile:
            self.meanwhile()
        return Answer.YES


@pytest.fixture
def cirrus() -> Cirrus:
    return Cirrus()


def pipeline_of(folder: Path, cirrus: Cirrus, marks: Masks) -> Pipeline:
    (vendor,) = (one for one in OTHER_VENDORS if one.id == "cirrus")
    operations = load_vendor(FIXTURES, "cirrus")
    registry = Registry(operations, enabled=["cirrus"], policy=Policy(mode=Mode.CONFIRM))
    screening = partial(Screen, marks)
    account = Account(
        vendor, "cirrus (test)", "https://crm.example.com", cirrus, screening=screening
    )
    state = StateFolder(folder)
    return Pipeline(registry, {"cirrus": account}, Ledger(state), Audit(state), Redactor())


def change(email: str) -> dict[str, Any]:
    return {"id": 7, "name": "Sales", "manager": {"id": 1, "email": email}}


@pytest.mark.parametrize("marks", EVERY)
async def test_the_person_sees_old_and_new_and_the_caller_neither(
    marks: Masks, cirrus: Cirrus, tmp_path: Path
) -> None:
    cirrus.makes = "no.hand@x.example"
    person = Person()
    given = TOKENS.seal("email", NEW) if marks is TOKENS else NEW

    pipeline = pipeline_of(tmp_path, cirrus, marks)
    outcome = await pipeline.call(UPDATE, change(given), Caller(asker=person))

    assert f'manager.email: "{OLD}" → "{NEW}"' in person.read[0]
    assert json.loads(cirrus.sent[-2].json or "")["manager"]["email"] == NEW
    told = json.dumps(outcome.as_dict())
    assert [value for value in (OLD, NEW, cirrus.makes, "Olga") if value in told] == []
    (coerced,) = outcome.check["coerced"]
    assert coerced == {
        "field": "manager.email",
        "sent": marks.seal("email", NEW),
        "stands": marks.seal("email", cirrus.makes),
    }


async def test_a_token_of_what_stands_there_changes_nothing(cirrus: Cirrus, tmp_path: Path) -> None:
    person = Person()

    pipeline = pipeline_of(tmp_path, cirrus, TOKENS)
    read = await pipeline.call("cirrus_departments_get", {"id": 7}, Caller())
    await pipeline.call(UPDATE, change(read.data["manager"]["email"]), Caller(asker=person))

    assert "Fields that are sent and stay as they are: 3" in person.read[0]


@pytest.mark.parametrize("marks", EVERY)
async def test_a_dry_run_shows_where_something_changes_but_not_what(
    marks: Masks, cirrus: Cirrus, tmp_path: Path
) -> None:
    pipeline = pipeline_of(tmp_path, cirrus, marks)
    outcome = await pipeline.call(UPDATE, {**change(NEW), "_dry_run": True}, Caller())

    preview = outcome.data["preview"]
    old, new = marks.seal("email", OLD), marks.seal("email", NEW)
    assert f'manager.email: "{old}" → "{new}"' in preview
    assert "Record: id = 7\n" in preview
    assert [value for value in (OLD, NEW) if value in preview] == []


@pytest.mark.parametrize("marks", EVERY)
async def test_a_record_that_changes_meanwhile_is_told_without_its_people(
    marks: Masks, cirrus: Cirrus, tmp_path: Path
) -> None:
    other = {"email": "other.hand@x.example"}
    person = Person(meanwhile=lambda: cirrus.manager.update(other))

    pipeline = pipeline_of(tmp_path, cirrus, marks)
    with pytest.raises(ChangedSincePreview) as caught:
        await pipeline.call(UPDATE, change(NEW), Caller(asker=person))

    told = json.dumps(caught.value.as_dict())
    assert [value for value in (OLD, NEW, other["email"]) if value in told] == []
    assert marks.seal("email", other["email"]) in caught.value.details["preview"]
    assert all(spec.method == "GET" for spec in cirrus.sent)


@pytest.mark.parametrize("marks", EVERY)
async def test_what_the_crm_says_in_a_read_of_ours_is_hidden_too(
    marks: Masks, cirrus: Cirrus, tmp_path: Path
) -> None:
    cirrus.fails_from = 4  # after the look, the second look, and the write

    pipeline = pipeline_of(tmp_path, cirrus, marks)
    outcome = await pipeline.call(UPDATE, change(NEW), Caller(asker=Person()))

    warning = outcome.warnings[0]  # the other says that it cannot be undone from here
    assert warning.endswith(f"No answer about {marks.seal('email', OLD)}.")
