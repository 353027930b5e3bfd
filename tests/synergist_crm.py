"""Synergist for tests: operations as its document has them, settings, and a pipeline around it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from shop import Person
from wire import BASE, SECRET

from crm_mcp.audit import Audit
from crm_mcp.guard import Permit, Policy
from crm_mcp.ledger import Ledger
from crm_mcp.operation import Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.synergist import VENDOR
from crm_mcp.vendors.synergist.settings import SynergistSettings

USER = "us3r/+ö"
USER_SPELLINGS = (USER, "us3r%2F%2B%C3%B6", "us3r/%2B%C3%B6", "us3r")
SYNERGIST = SynergistSettings(base_url=BASE, user=USER, password=SecretStr(SECRET), rate=1000)
SUCCESS = {"errorcode": 0, "errormessage": "", "warningmessage": "", "success": True}
ITEM = {
    "type": "object",
    "properties": {
        "activityID": {"type": "integer"},
        "activityRecordVersionNumber": {"type": "integer"},
        "activityDetails": {"type": ["string", "null"]},
    },
    "required": ["activityID"],
}
DATA = {"type": "array", "items": ITEM}
UPDATE = "synergist_activities_update"
GET = "synergist_activities_get"
FILL = {"/activityRecordVersionNumber": "/activityRecordVersionNumber"}
BEFORE = {
    "tool": GET,
    "each": "/data",
    "arguments": {"activityid": "/activityID"},
    "along": ["company"],
    "fill": FILL,
}


def operation(name: str, effect: str, properties: Mapping[str, Any], **more: Any) -> Operation:
    """Make an operation; arguments called `data` go into `input`, as they do in Synergist."""
    bind = {"data": "query:input#/data"} if "data" in properties else {}
    return Operation.model_validate(
        {
            "vendor": "synergist",
            "toolset": "activities",
            "name": name,
            "title": "An operation of Synergist",
            "description": "Does something to an activity of Synergist, for a test.",
            "effect": effect,
            "source": {"document": "x", "line": 1, "section": "x", "evidence": "documented"},
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "additionalProperties": False,
            },
            "request": {
                "method": "GET",
                "path": "/jsonapi/activities.json",
                "const": {"query:action": name.rpartition("_")[2]},
                "bind": bind,
            },
            "response": {"data": "/data"},
            **more,
        }
    )


COMPANY = {"company": {"type": "integer"}}
ACTIVITY_GET = operation(GET, "read", {**COMPANY, "activityid": {"type": "integer"}})
ACTIVITY_UPDATE = operation(UPDATE, "update", {**COMPANY, "data": DATA}, before=BEFORE)
ATTACHMENT = {"type": "array", "items": {"type": "object"}}
ATTACHMENTS_CREATE = operation(
    "synergist_attachments_create", "create", {"data": ATTACHMENT}, traits=["binary"]
)


@dataclass
class Activities:
    """A Synergist with a few activities, each with a version that grows with every change."""

    records: dict[int, dict[str, Any]] = field(
        default_factory=lambda: {
            number: {
                "activityID": number,
                "activityRecordVersionNumber": number * 10,
                "activityDetails": f"Meeting {number}",
            }
            for number in (1, 2)
        }
    )
    sent: list[RequestSpec] = field(default_factory=list)

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, *_: object
    ) -> Reply:
        assert permit.digest == spec.digest
        self.sent.append(spec)
        query = dict(spec.query)
        if operation.is_write:
            return self._write(json.loads(query["input"])["data"])
        rows = [self.records[int(query["activityid"])]] if "activityid" in query else []
        return Reply(200, {}, json.dumps({**SUCCESS, "data": rows}).encode())

    @property
    def writes(self) -> list[Any]:
        """The items of each write, as they were sent."""
        inputs = [dict(spec.query).get("input") for spec in self.sent]
        return [json.loads(text)["data"] for text in inputs if text]

    def change(self, number: int, details: str) -> None:
        """Let somebody else write to an activity."""
        record = self.records[number]
        record["activityDetails"] = details
        record["activityRecordVersionNumber"] += 1

    def _write(self, items: list[dict[str, Any]]) -> Reply:
        key = "activityRecordVersionNumber"
        if any(item[key] != self.records[item["activityID"]][key] for item in items):
            words = "The record has been updated by another user"
            error = f"<Error ErrorID='404500'><ErrorText>{words}</ErrorText></Error>"
            return Reply(404, {}, f"<Responses>{error}</Responses>".encode())
        for item in items:
            self.records[item["activityID"]] |= item
            self.records[item["activityID"]][key] += 1
        return Reply(200, {}, json.dumps({**SUCCESS, "data": items}).encode())


class Office:
    """A pipeline over Synergist's operations for tests."""

    def __init__(
        self,
        folder: Path,
        policy: Policy | None = None,
        settings: SynergistSettings = SYNERGIST,
        operations: tuple[Operation, ...] = (ACTIVITY_GET, ACTIVITY_UPDATE),
    ) -> None:
        self.crm = Activities()
        registry = Registry(operations, enabled=["synergist"], policy=policy or Policy())
        account = Account(VENDOR, "synergist (test)", BASE, self.crm, settings=settings)
        state = StateFolder(folder)
        self.ledger = Ledger(state)
        self.pipeline = Pipeline(
            registry, {"synergist": account}, self.ledger, Audit(state), Redactor()
        )

    async def call(self, name: str, arguments: Any, person: Person | None = None) -> Outcome:
        caller = Caller(asker=person) if person else Caller()
        return await self.pipeline.call(name, arguments, caller)
