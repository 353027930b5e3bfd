"""Inferred addresses that a CRM did not know: told once in the log, and kept for the operator.

HTTP 404 and 405 may come of a wrong id, or of a wrong address; a success proves the address.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from anyio import to_thread

from crm_mcp.errors import StateError
from crm_mcp.operation import Operation
from crm_mcp.respond import NOWHERE, SANDBOX_HEADER
from crm_mcp.state import State, key_of
from crm_mcp.vendors.base import Reply

logger = logging.getLogger(__name__)

DOUBTS = "doubts"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A tool whose address an account did not know, with the last HTTP status, and when it was."""

    account: str
    tool: str
    status: int
    times: int
    at: float

    def as_words(self) -> str:
        """Tell it in a few words."""
        day = datetime.fromtimestamp(self.at, UTC).date().isoformat()
        often = "once" if self.times == 1 else f"{self.times} times"
        return f"{self.tool} (HTTP {self.status}, {often}, last on {day})"


class Doubts:
    """What the answers tell of inferred addresses.

    Args:
        state: where doubts are kept; it is not made for them to be taken back.
        clock: in seconds since the epoch.
    """

    def __init__(self, state: State, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock
        self._proven: set[tuple[str, str]] = set()
        self._told: set[tuple[str, str]] = set()

    async def hear(self, account: str, operation: Operation, reply: Reply) -> None:
        """Note what an answer says of the address that was called; never fails a call."""
        tool = (account, operation.name)
        inferred = operation.source.evidence.startswith("inferred")
        if not inferred or tool in self._proven or SANDBOX_HEADER in reply.headers:
            return
        try:
            if reply.status in NOWHERE:
                self._tell(account, operation, reply.status)
                await to_thread.run_sync(self._keep, *tool, reply.status)
            elif reply.status < HTTPStatus.MULTIPLE_CHOICES:
                self._proven.add(tool)
                await to_thread.run_sync(self._settle, *tool)
        except StateError as error:
            logger.warning("what %s said of an address could not be kept: %s", account, error)

    def open(self) -> list[Doubt]:
        """List what no success has settled, by account and tool.

        Raises:
            StateError: the state cannot be read.
        """
        if not self._state.is_there:
            return []
        with self._state.transaction() as tables:
            every = [Doubt(**row) for row in tables.rows(DOUBTS).values()]
        return sorted(every, key=lambda doubt: (doubt.account, doubt.tool))

    def _tell(self, account: str, operation: Operation, status: int) -> None:
        """Warn in the log, once for each kind of records."""
        if (account, operation.toolset) in self._told:
            return
        self._told.add((account, operation.toolset))
        logger.warning(
            "%s answered %s with HTTP %d. Its address is inferred, not documented: if the ids were "
            "right, `crm-mcp bind` can give the %s tools the addresses that this CRM has",
            account,
            operation.name,
            status,
            operation.toolset,
        )

    def _keep(self, account: str, tool: str, status: int) -> None:
        key = key_of(account, tool)
        with self._state.transaction() as tables:
            known = tables.get(DOUBTS, key) or {"times": 0}
            doubt = Doubt(account, tool, status, known["times"] + 1, self._clock())
            tables.put(DOUBTS, key, asdict(doubt))

    def _settle(self, account: str, tool: str) -> None:
        if self._state.is_there:
            with self._state.transaction() as tables:
                tables.delete(DOUBTS, key_of(account, tool))
