"""Calls the Synergist stand-in by area, action and parameters, as its document writes calls."""

import json
import re
from html import unescape
from typing import Any

from crm_mcp.sandbox.base import Answer, Call
from crm_mcp.sandbox.synergist import SynergistStandIn
from crm_mcp.sandbox.synergist.world import World

Row = dict[str, Any]

PROCESSED = "data processed successfully."
RULE = 404500

_ERROR = re.compile(
    r'<Responses>\s*<Error ErrorID="(\d{6})">\s*'
    r"<ErrorText>(.*)</ErrorText>\s*</Error>\s*</Responses>"
)


class Crm:
    """A new Synergist, and somebody who calls it: Maya, unless other credentials are given."""

    def __init__(self, **credentials: str) -> None:
        self.stand_in = SynergistStandIn()
        usual = {name: self.stand_in.credentials[name] for name in ("user", "password")}
        self.credentials = credentials or usual

    @property
    def world(self) -> World:
        """What the stand-in knows, for what no call shows."""
        return self.stand_in.world

    def send(self, area: str, data: Any = None, /, **parameters: Any) -> Answer:
        """Send a call; `data` are the items of its `input`."""
        query = {"version": "3.2", **self.credentials, **parameters}
        if data is not None:
            query["input"] = json.dumps({"data": data})
        pairs = tuple((name, text(value)) for name, value in query.items())
        return self.stand_in.misfit(Call("GET", f"/jsonapi/{area}.json", pairs))

    def reply(self, area: str, data: Any = None, /, **parameters: Any) -> Row:
        """Send a call that succeeds and read its envelope."""
        answer = self.send(area, data, **parameters)
        assert (answer.status, answer.content_type) == (200, "application/json"), answer.content
        envelope: Row = json.loads(answer.content)
        assert {name: envelope.pop(name) for name in GOOD} == GOOD
        return envelope

    def rows(self, area: str, /, **parameters: Any) -> list[Row]:
        """Read the rows of a list; nothing is changed by it."""
        answer = self.send(area, **parameters)
        assert not answer.changed
        rows: list[Row] = self.reply(area, **parameters)["data"]
        return rows

    def row(self, area: str, /, **parameters: Any) -> Row:
        """Read the one row of a list."""
        (row,) = self.rows(area, **parameters)
        return row

    def write(self, area: str, data: Any = None, /, **parameters: Any) -> Row:
        """Send a write that changes something and read its envelope."""
        before = self.world.revision
        envelope = self.reply(area, data, **parameters)
        assert self.world.revision > before
        return envelope

    def written(self, area: str, item: Row, /, **parameters: Any) -> Row:
        """Write one item without a warning and read the row that tells of it."""
        envelope = self.write(area, [item], **parameters)
        assert (envelope["responsemessage"], envelope["warningmessage"]) == (PROCESSED, "")
        (row,) = envelope["data"]
        told: Row = row
        return told

    def refusal(self, area: str, data: Any = None, /, **parameters: Any) -> tuple[int, str]:
        """Send a call that is refused and read code and sentence; nothing is changed by it."""
        before = self.world.revision
        answer = self.send(area, data, **parameters)
        assert (answer.changed, self.world.revision) == (False, before)
        return refused(answer)

    def why(self, area: str, data: Any = None, /, **parameters: Any) -> str:
        """Send a call that breaks a rule and read the sentence."""
        code, words = self.refusal(area, data, **parameters)
        assert code == RULE
        return words


GOOD = {
    "responsecode": 1,
    "responsestatus": "OK",
    "errorcode": 0,
    "errormessage": "",
    "success": True,
}


def refused(answer: Answer) -> tuple[int, str]:
    """Read code and sentence of a refusal."""
    assert (answer.status, answer.content_type) == (404, "text/xml; charset=utf-8")
    found = _ERROR.fullmatch(answer.content.decode().strip())
    assert found, answer.content
    return int(found[1]), unescape(found[2])


def text(value: Any) -> str:
    """Write a parameter: lists as JSON, everything else as it stands."""
    return json.dumps(value) if isinstance(value, list) else str(value)


def values(rows: list[Row], name: str) -> list[Any]:
    """List what the rows hold under a name."""
    return [row[name] for row in rows]
