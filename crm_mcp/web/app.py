"""The approval page as an ASGI app: which address shows what."""

import getpass
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from crm_mcp.config import Settings
from crm_mcp.deciding import Decided
from crm_mcp.errors import StateError
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.states import audit_of, state_of
from crm_mcp.web.decisions import Decisions
from crm_mcp.web.pages import HISTORY_LENGTH, Pages, Problem
from crm_mcp.web.protection import (
    COOKIE,
    ENTRANCE,
    NOT_ENTERED,
    Door,
    Protection,
    misfit,
    security_headers,
)

NOT_FOUND = Problem(404, "Not found", "There is no such page or question.")
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
    pages = Pages()
    state = state_of(settings.general)
    ledger, audit = Ledger(state), audit_of(settings.general, state)
    screens = _Screens(ledger, Decisions(ledger, audit, pages), door, pages)
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
    decisions: Decisions
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
        return self.pages.question(self._find(request), self.door.csrf)

    def approve(self, request: Request) -> Response:
        return self._take(request, "approved")

    def reject(self, request: Request) -> Response:
        return self._take(request, "rejected")

    def _take(self, request: Request, decision: Decided) -> Response:
        somebody, typed = f"page:{getpass.getuser()}", request.state.form.get("word", "")
        return self.decisions.take(self._find(request), decision, somebody, typed, self.door.csrf)

    def _find(self, request: Request) -> Approval:
        approval = self.ledger.get(request.path_params["id"])
        if approval is None:
            raise HTTPException(NOT_FOUND.status)
        return approval

    async def misfit(self, _: Request, error: Exception) -> Response:
        return self.pages.problem(misfit(error, NOT_FOUND))

    async def unusable(self, _: Request, error: Exception) -> Response:
        return self.pages.problem(Problem(500, BROKEN.title, f"{BROKEN.text} {error}"))

    async def broken(self, _: Request, __: Exception) -> Response:
        # Outside of the protection, so it brings the headers itself.
        response = self.pages.problem(BROKEN)
        response.headers.update(security_headers(self.pages.style_source))
        return response
