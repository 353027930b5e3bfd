"""The stand-in for Synergist: everything by GET, with the password in the query.

What each call does stands in the modules `synergist_*`; here its caller is let in, it finds its
entry by area and action, and the answer or the refusal is written. It works on the request alone:
two operations that share an address are one call to it, and a call without an operation is too.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import ClassVar

from crm_mcp.operation import Operation
from crm_mcp.sandbox.base import Answer, Call, StandIn
from crm_mcp.sandbox.synergist import s3
from crm_mcp.sandbox.synergist.areas import CALLS, new_world
from crm_mcp.sandbox.synergist.company import CREDENTIALS, VERSION, let_in
from crm_mcp.sandbox.synergist.errors import Code, RefusalError, refused
from crm_mcp.sandbox.synergist.wire import Ask, query_of, written

OLDER_VERSION = "3.1"
"""Some samples of the document still name it."""

_SECOND = timedelta(seconds=1)


class SynergistStandIn(StandIn):
    """A Synergist with two companies, in which the demo user Maya may do everything."""

    credentials: ClassVar = CREDENTIALS

    def __init__(self) -> None:
        self.world = new_world()

    @property
    def controls(self) -> Mapping[str, Callable[[], None]]:
        """Where attachments live from now on."""
        return {"use_s3": self.use_s3, "use_database": self.use_database}

    def use_s3(self) -> None:
        """Let new attachments live in Amazon S3."""
        self.world.uses_s3 = True

    def use_database(self) -> None:
        """Let new attachments live in the database."""
        self.world.uses_s3 = False

    def answer(self, operation: Operation, call: Call) -> Answer:  # noqa: ARG002
        """Carry out one call, a second after the one before."""
        self._begin(call)
        return self._answer(call)

    def misfit(self, call: Call) -> Answer:
        """Carry out a call that no operation describes, or serve Amazon S3."""
        self._begin(call)
        return s3.serve(self.world, call) or self._answer(call)

    def _begin(self, call: Call) -> None:
        self.world.now += _SECOND
        self.world.origin = f"http://{call.headers.get('host', 'localhost')}/synergist"

    def _answer(self, call: Call) -> Answer:
        world = self.world
        before = world.snapshot()
        try:
            return self._carry_out(call, before.revision)
        except RefusalError as refusal:
            world.restore(before)
            return refused(refusal)

    def _carry_out(self, call: Call, revision: int) -> Answer:
        query = query_of(call)
        ask = Ask.of(call, let_in(self.world, query))
        if query.get("version") not in (VERSION, OLDER_VERSION):
            raise RefusalError("request not recognized", Code.NOT_RECOGNIZED)
        if (ask.area, ask.action) not in CALLS:
            raise _unknown(ask)
        said = CALLS[ask.area, ask.action](self.world, ask)
        return written(said, ask, changed=self.world.revision != revision)


def _unknown(ask: Ask) -> RefusalError:
    """Say what of a call is unknown: the area, or the action in it."""
    if not any(area == ask.area for area, _ in CALLS):
        return RefusalError("request not recognized", Code.NOT_RECOGNIZED)
    return RefusalError(f"invalid action {ask.action or 'none'}")


STAND_IN = SynergistStandIn
