"""The way of a call on the hard operations of the other vendors, with a client that only notes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from other_vendors import OTHER_VENDORS

from crm_mcp.audit import Audit
from crm_mcp.errors import InvalidArguments, NotCallable, Refused
from crm_mcp.guard import Mode, Permit, Policy
from crm_mcp.ledger import Ledger
from crm_mcp.loader import load_vendor
from crm_mcp.operation import Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import Reply

pytestmark = pytest.mark.anyio

FIXTURES = Path(__file__).parent / "fixtures" / "tool_schemas"
DEPARTMENT = {"id": 7, "name": "Sales"}


@dataclass
class Notebook:
    """A client that sends nothing and notes what it was given."""

    answer: bytes = b"{}"
    sent: list[RequestSpec] = field(default_factory=list)

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, _ear: object
    ) -> Reply:
        assert permit.digest == spec.digest
        assert operation.name == spec.operation
        self.sent.append(spec)
        return Reply(200, {}, self.answer)


def pipeline_of(tmp_path: Path, notebook: Notebook, policy: Policy) -> Pipeline:
    operations = [one for v in OTHER_VENDORS for one in load_vendor(FIXTURES, v.id)]
    registry = Registry(operations, enabled=[v.id for v in OTHER_VENDORS], policy=policy)
    accounts: dict[str, Account] = {
        vendor.id: Account(vendor, f"{vendor.id} (test)", "https://crm.example.com", notebook)
        for vendor in OTHER_VENDORS
    }
    folder = StateFolder(tmp_path)
    return Pipeline(registry, accounts, Ledger(folder), Audit(folder), Redactor())


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def pipeline(tmp_path: Path, notebook: Notebook) -> Pipeline:
    return pipeline_of(tmp_path, notebook, Policy(mode=Mode.UNATTENDED))


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("cirrus_departments_update", {**DEPARTMENT, "X-Fields": "{id}\r\nX-Evil: 1"}, "X-Fields"),
        ("cirrus_departments_update", {**DEPARTMENT, "X-Fields": "naïve"}, "X-Fields"),
        ("cirrus_accounts_list", {"X-Fields": "{id}\x00"}, "X-Fields"),
        ("cirrus_accounts_list", {"dynamicfield_id": [1], "dynamicfield_val": []}, "dynamicfield"),
        ("interact_contacts_delete_many", {"ids": []}, "ids"),
        ("interact_contacts_delete_many", {}, "ids"),
        ("interact_user_roles_assign", {"id": 1, "cmd": "drop", "roles": ["user"]}, "cmd"),
        ("synergist_expense_sheets_approve", {"action": "expensesheetapprove"}, "exactly one"),
    ],
)
async def test_what_cannot_stand_in_a_request_is_named_and_not_sent(
    pipeline: Pipeline, notebook: Notebook, name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await pipeline.call(name, arguments, Caller())

    assert named in caught.value.message
    assert "for example: {" in caught.value.hint
    assert notebook.sent == []


async def test_a_write_by_get_is_a_write(tmp_path: Path, notebook: Notebook) -> None:
    pipeline = pipeline_of(tmp_path, notebook, Policy(mode=Mode.READ_ONLY))
    approve = {"action": "expensesheetapprove", "uuid": "12345678910"}

    with pytest.raises(Refused):
        await pipeline.call("synergist_expense_sheets_approve", approve, Caller())

    assert notebook.sent == []


async def test_a_session_of_our_own_is_opened_without_asking_in_every_mode(
    tmp_path: Path, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = pipeline_of(tmp_path, notebook, Policy(mode=Mode.READ_ONLY))
    find = pipeline.registry.find
    opening = find("interact_contacts_merge").model_copy(
        update={"traits": ("session",), "examples": ()}
    )
    monkeypatch.setattr(pipeline.registry, "find", lambda _: opening)
    notebook.answer = b'{"code":200,"entity":{},"devmsg":"success"}'
    merged = {"contactIds": [1], "contact": {"id": 2, "version": 1}}

    outcome = await pipeline.call(opening.name, merged, Caller())

    assert outcome.status == "done"
    assert len(notebook.sent) == 1


async def test_more_records_than_allowed_are_refused_whatever_the_argument(
    tmp_path: Path, notebook: Notebook
) -> None:
    pipeline = pipeline_of(tmp_path, notebook, Policy(mode=Mode.UNATTENDED, max_bulk=3))

    with pytest.raises(Refused, match="would touch 4 records"):
        await pipeline.call("interact_contacts_delete_many", {"ids": [1, 2, 3, 4]}, Caller())

    assert notebook.sent == []


async def test_an_id_that_stands_in_path_and_body_is_sent_in_both(
    pipeline: Pipeline, notebook: Notebook
) -> None:
    await pipeline.call("cirrus_departments_update", DEPARTMENT, Caller())

    (spec,) = notebook.sent
    assert spec.path.endswith("/departments/7")
    assert spec.json == '{"id":7,"name":"Sales"}'


async def test_an_operation_of_a_vendor_that_is_not_connected_cannot_be_called(
    tmp_path: Path, notebook: Notebook
) -> None:
    operations = load_vendor(FIXTURES, "cirrus")
    registry = Registry(operations, enabled=[], policy=Policy())
    folder = StateFolder(tmp_path)
    pipeline = Pipeline(registry, {}, Ledger(folder), Audit(folder), Redactor())

    with pytest.raises(NotCallable):
        await pipeline.call("cirrus_accounts_list", {}, Caller())

    assert notebook.sent == []
