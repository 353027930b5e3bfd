"""The HTML: templates filled with values, every one of them escaped."""

import base64
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse

from crm_mcp.ledger import Approval
from crm_mcp.preview import visible
from crm_mcp.web.reading import read, sentence

REFRESH_SECONDS = 10
HISTORY_LENGTH = 50
_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """Why somebody does not get what they asked for; the text says what to do."""

    status: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a question stands, in a word for the eye and in a sentence."""

    look: Literal["open", "yes", "no", "over"]
    word: str
    text: str


_OPEN = Standing("open", "Waiting", "It waits for your decision.")
_IN_DIALOG = Standing("open", "In a dialog", "The client asks about it in a dialog of its own.")
_LAPSED = Standing("over", "Expired", "Nobody decided in time. Nothing was sent.")
_UNUSED = Standing("over", "Not used", "It was approved, but the call was not made in time.")
_CLOSED = {
    "approved": Standing(
        "yes", "Approved", "It runs once, when the same call is made again before it expires."
    ),
    "spent": Standing(
        "yes", "Approved, used", "The call was made with this approval; the record has its result."
    ),
    "rejected": Standing("no", "Rejected", "Nothing is sent."),
    "outdated": Standing(
        "over",
        "Void",
        "The answer counts no more: the data changed after it was shown, or the answer could "
        "not be recorded.",
    ),
}


def standing(approval: Approval, now: float) -> Standing:
    """Say how a question stands at a time in Unix seconds."""
    expired = approval.expires <= now
    if approval.state == "asked":
        if expired:
            return _LAPSED
        return _OPEN if approval.way == "out_of_band" else _IN_DIALOG
    return _UNUSED if expired and approval.state == "approved" else _CLOSED[approval.state]


def is_open(approval: Approval) -> bool:
    """Whether a person can decide here and now."""
    return standing(approval, time.time()) is _OPEN


class Pages:
    """The pages of one server.

    Args:
        root: path below which the pages stand.
    """

    def __init__(self, root: str = "") -> None:
        self.root = root
        self._templates = Environment(
            loader=PackageLoader("crm_mcp.web"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style = self._templates.get_template("style.css").render()
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self.style_source = f"'sha256-{digest}'"
        self._templates.globals.update(
            root=root,
            style=Markup(style),  # noqa: S704 - our own file, without a value in it
            sentence=sentence,
            visible=visible,
            standing=standing,
            left=_left,
            local=_local,
        )

    def waiting(self, approvals: Sequence[Approval], *, refreshes: bool) -> HTMLResponse:
        """List what waits; the list renews itself where that is wanted."""
        facts = {"approvals": approvals, "refreshes": refreshes, "seconds": REFRESH_SECONDS}
        headers = {"Refresh": str(REFRESH_SECONDS)} if refreshes else {}
        return HTMLResponse(self._fill("waiting.html", **facts), headers=headers)

    def history(self, approvals: Sequence[Approval]) -> HTMLResponse:
        """List what is no longer open."""
        return HTMLResponse(self._fill("history.html", approvals=approvals))

    def question(
        self, approval: Approval, csrf: str, *, wrong_word: bool = False, may_decide: bool = True
    ) -> HTMLResponse:
        """Show one question in full, and below it the forms, where it can be decided.

        Args:
            approval: the question.
            csrf: stands in the forms, and proves that they came from here.
            wrong_word: whether another word was typed than it asks for.
            may_decide: whether whoever reads it may.
        """
        text = self._fill(
            "question.html",
            approval=approval,
            reading=read(approval.preview),
            can_decide=is_open(approval) and may_decide,
            wrong_word=wrong_word,
            csrf=csrf,
        )
        return HTMLResponse(text, status_code=422 if wrong_word else 200)

    def sign_in(self, *, wrong: bool = False) -> HTMLResponse:
        """Ask for the token that says who somebody is."""
        return HTMLResponse(self._fill("sign_in.html", wrong=wrong), 401 if wrong else 200)

    def problem(self, problem: Problem) -> HTMLResponse:
        """Say what is wrong."""
        return HTMLResponse(self._fill("problem.html", problem=problem), problem.status)

    def _fill(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(now=time.time(), **values)


def _left(expires: float, now: float) -> str:
    minutes, seconds = divmod(max(0, round(expires - now)), _SECONDS_PER_MINUTE)
    return f"{minutes} min {seconds:02} s"


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone()
