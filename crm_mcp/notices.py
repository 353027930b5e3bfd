"""Telling a team that a question waits, by a webhook: which one and where, never what it says."""

import hmac
import json
import logging
import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from crm_mcp.ledger import Approval

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
MAX_QUEUED = 100
SIGNATURE = "x-crm-signature"


class Webhook:
    """Posts a notice for each new question, in a thread of its own: no call waits for it.

    Args:
        url: where notices go.
        key: signs their bodies with HMAC-SHA256, so that the receiver knows whose they are.
        page: where people decide.
        post: sends one.
    """

    def __init__(
        self, url: str, key: str, page: str, post: Callable[..., Any] = httpx.post
    ) -> None:
        self._url = url
        self._key = key.encode()
        self._page = page
        self._post = post
        self._queued: queue.Queue[Approval] = queue.Queue(MAX_QUEUED)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, approval: Approval) -> None:
        """Tell of a question; what cannot be told is in the log, and the question stands."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
        try:
            self._queued.put_nowait(approval)
        except queue.Full:
            logger.warning("the webhook is too slow: no notice of %s", approval.id)

    def _work(self) -> None:
        while True:
            approval = self._queued.get()
            self._tell(approval)
            self._queued.task_done()

    def _tell(self, approval: Approval) -> None:
        body = json.dumps(self.notice(approval)).encode()
        signature = "sha256=" + hmac.digest(self._key, body, "sha256").hex()
        headers = {"content-type": "application/json", SIGNATURE: signature}
        try:
            reply = self._post(self._url, content=body, headers=headers, timeout=ANSWER_SECONDS)
            reply.raise_for_status()
        except httpx.HTTPError as error:
            # Its address may hold a secret, and the error would tell it.
            logger.warning("no notice of %s arrived: %s", approval.id, type(error).__name__)

    def notice(self, approval: Approval) -> dict[str, Any]:
        """Write what a notice says."""
        expires = datetime.fromtimestamp(approval.expires, UTC).isoformat(timespec="seconds")
        return {
            "event": "approval_waiting",
            "id": approval.id,
            "tool": approval.tool,
            "account": approval.account,
            "caller": approval.caller,
            "expires_at": expires,
            "url": f"{self._page}/questions/{approval.id}" if self._page else "",
        }
