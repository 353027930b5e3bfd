"""The approval page as an ASGI app: which address shows what."""

import getpass
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from crm_mcp.audit import Audit
from crm_mcp.config import Settings
from crm_mcp.deciding import Decided, decide
from crm_mcp.errors import NotConfirmed, StateError
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.states import audit_of, state_of
from crm_mcp.web.pages import Pages, Problem, is_open
from crm_mcp.web.protection import (
    COOKIE,
    ENTRANCE,
    NOT_ENTERED,
    WRONG_METHOD,
    Door,
    Protection,
    security_headers,
)

HISTORY_LENGTH = 50

NOT_FOUND = Problem(404, "Not found", "There is no such page or question.")
NOT_OPEN = Problem(
    409,
    "Already decided",
    "This question is not open any more: somebody decided it, or it expired. "
    "Your answer changed nothing.",
)
BROKEN = Problem(
    500, "Something is wrong here", "Your answer may not count. The terminal says more."
)


def approval_app(settings: Settings, token: str, origin: str) -> Starlette:
    """Put the page together.

    Args:
        settings: say where the state stands.
        token: the one that opens the page, once.
        origin: scheme, host and port that the page is served under.
    """
    door = Door(token)
    pages = Pages(door.csrf)
    state = state_of(settings.general)
    screens = _Screens(Ledger(state), audit_of(settings.general, state), door, pages)
    return Starlette(
        routes=[
            Route(ENTRANCE, screens.enter),
            Route("/", screens.waiting),
            Route("/history", screens.history),
            Route("/questions/{id}", screens.question),
            Route("/questions/{id}/approve", screens.approve, methods=["POST"]),
            Route("/questions/{id}/reject", screens.reject, methods=["POST"]),
        ],
        middleware=[Middleware(Protection, door, pages, origin)],
        exception_handlers={
            HTTPException: screens.misfit,
            StateError: screens.unusable,
            Exception: screens.broken,
        },
    )


@dataclass(frozen=True)
class _Screens:
    """What each address answers; those that touch the state run in threads, for it may block."""

    ledger: Ledger
    audit: Audit
    door: Door
    pages: Pages

    async def enter(self, request: Request) -> Response:
        # Not in a thread: between looking at the token and taking it nobody else gets in.
        if not self.door.enter(request.query_params.get("token", "")):
            return self.pages.problem(NOT_ENTERED)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, self.door.session, httponly=True, samesite="strict")
        return response

    def waiting(self, request: Request) -> Response:
        refreshes = "still" not in request.query_params
        return self.pages.waiting(self.ledger.waiting(), refreshes=refreshes)

    def history(self, _: Request) -> Response:
        return self.pages.history(self.ledger.recent(HISTORY_LENGTH))

    def question(self, request: Request) -> Response:
        return self.pages.question(self._find(request))

    def approve(self, request: Request) -> Response:
        approval = self._find(request)
        typed = request.state.form.get("word", "")
        if is_open(approval) and approval.word and not approval.word_fits(typed):
            return self.pages.question(approval, wrong_word=True)
        return self._decide(approval, "approved")

    def reject(self, request: Request) -> Response:
        return self._decide(self._find(request), "rejected")

    def _find(self, request: Request) -> Approval:
        approval = self.ledger.get(request.path_params["id"])
        if approval is None:
            raise HTTPException(NOT_FOUND.status)
        return approval

    def _decide(self, approval: Approval, decision: Decided) -> Response:
        if not is_open(approval):
            return self.pages.problem(NOT_OPEN)
        try:
            decide(self.ledger, self.audit, approval, decision, f"page:{getpass.getuser()}")
        except NotConfirmed:  # somebody was faster
            return self.pages.problem(NOT_OPEN)
        # A page that was sent by a form would send it again when it is reloaded.
        return RedirectResponse(f"/questions/{approval.id}", 303)

    async def misfit(self, _: Request, error: Exception) -> Response:
        wrong_method = isinstance(error, HTTPException) and error.status_code == WRONG_METHOD.status
        return self.pages.problem(WRONG_METHOD if wrong_method else NOT_FOUND)

    async def unusable(self, _: Request, error: Exception) -> Response:
        return self.pages.problem(Problem(500, BROKEN.title, f"{BROKEN.text} {error}"))

    async def broken(self, _: Request, __: Exception) -> Response:
        # Outside of the protection, so it brings the headers itself.
        response = self.pages.problem(BROKEN)
        response.headers.update(security_headers(self.pages.style_source))
        return response
