"""The page on which a team decides: behind the same tokens as the calls, and apart from them.

Who opens it has a token with `crm:approve` and none of the scopes that call: what a program's
token can do, the program can do without a person. A question is there for those whose account it
is about, and whose scope it is; whose own call it is, where that is not enough, reads it only.
"""

import hashlib
import hmac
import logging
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken, TokenVerifier
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from crm_mcp.access import access_of
from crm_mcp.app import App
from crm_mcp.deciding import Decided
from crm_mcp.errors import StateError, ToolFailure
from crm_mcp.guard import needs_two
from crm_mcp.ledger import Approval
from crm_mcp.recorder import record_reach
from crm_mcp.rights import Rights
from crm_mcp.service.callers import WHY
from crm_mcp.service.tokens import GROUPS
from crm_mcp.service_settings import ROOT, ServiceSettings
from crm_mcp.web.decisions import Decisions
from crm_mcp.web.pages import HISTORY_LENGTH, Pages, Problem
from crm_mcp.web.protection import (
    CSRF_FIELD,
    FORGED,
    WRONG_HOST,
    WRONG_ORIGIN,
    comes_from_here,
    misfit,
    read_form,
    security_headers,
)

logger = logging.getLogger(__name__)

COOKIE = "crm_mcp_team"
DAY_S_WORK_SECONDS = 8 * 3_600
DECISIONS: Mapping[str, Decided] = {"approve": "approved", "reject": "rejected"}
NOT_FOUND = Problem(404, "Not found", "There is no such page, or no such question for you.")
NOT_YOURS = Problem(
    403, "Somebody else decides", "This is your own call: another person must approve it."
)
BROKEN = Problem(500, "Something is wrong here", "Your answer may not count. The log says more.")


@dataclass(frozen=True)
class Person:
    """Who has signed in: their name for the record, what they approve, for which accounts."""

    name: str
    rights: Rights
    accounts: frozenset[str]
    csrf: str
    access: AccessToken


class TeamPage:
    """Finds out who asks, and answers with what is theirs.

    Args:
        app: whose questions they are.
        verifier: of the tokens.
    """

    def __init__(self, app: App, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier
        self._settings = app.settings.http
        self._root = root_of(self._settings)
        self._pages = Pages(self._root)
        self._decisions = Decisions(app.ledger, app.audit, self._pages)
        key = self._settings.state_key
        secret = key.get_secret_value().encode() if key else secrets.token_bytes(32)
        self._key = hashlib.blake2b(secret, digest_size=64, person=b"crm-mcp page").digest()
        self._headers = security_headers(self._pages.style_source)

    def asgi(self) -> Starlette:
        """Give it as an ASGI app."""
        signed_in: Callable[..., Any] = self._signed_in
        return Starlette(
            routes=[
                Route("/enter", self._guarded(self.enter), methods=["GET", "POST"]),
                Route("/", self._guarded(partial(signed_in, self.waiting))),
                Route("/history", self._guarded(partial(signed_in, self.history))),
                Route("/questions/{id}", self._guarded(partial(signed_in, self.question))),
                Route(
                    "/questions/{id}/{decision:str}",
                    self._guarded(partial(signed_in, self.decision)),
                    methods=["POST"],
                ),
            ],
            exception_handlers={HTTPException: self._misfit, Exception: self._broken},
        )

    def _guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Look where a request was meant to go and where it comes from, and read its form."""

        async def endpoint(request: Request) -> Response:
            problem = self._problem(request)
            if problem is None and request.method == "POST":
                problem = await read_form(request)
            response: Response = (
                await answer(request) if problem is None else self._pages.problem(problem)
            )
            response.headers.update(self._headers)
            return response

        return endpoint

    def _problem(self, request: Request) -> Problem | None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not _is_one_of(hosts[0], self._settings.hosts):
            return WRONG_HOST
        url = self._settings.url
        scheme = urlsplit(url).scheme if url else "http"
        return None if comes_from_here(request, f"{scheme}://{hosts[0]}") else WRONG_ORIGIN

    async def _signed_in(
        self, answer: Callable[[Request, Person], Response], request: Request
    ) -> Response:
        brought = _bearer(request)
        person = await self._person(brought or self._unsealed(request))
        if person is None:
            if brought:
                return self._pages.sign_in(wrong=True)
            return RedirectResponse(f"{self._root}/enter", 303)
        request.scope["user"] = AuthenticatedUser(person.access)  # for the record of refusals
        if request.method == "POST" and not secrets.compare_digest(
            request.state.form.get(CSRF_FIELD, "").encode(), person.csrf.encode()
        ):
            return self._pages.problem(FORGED)
        try:
            return await to_thread.run_sync(answer, request, person)
        except StateError:
            logger.exception("a decision may not count")
            return self._pages.problem(BROKEN)

    async def enter(self, request: Request) -> Response:
        """Ask for a token, or take it."""
        if request.method != "POST":
            return self._pages.sign_in()
        token = request.state.form.get("token", "")
        if await self._person(token) is None:
            return self._pages.sign_in(wrong=True)
        response = RedirectResponse(f"{self._root}/", 303)
        response.set_cookie(
            COOKIE,
            self._sealed(token),
            max_age=DAY_S_WORK_SECONDS,
            path=self._root,
            secure=(self._settings.url or "").startswith("https"),
            httponly=True,
            samesite="lax",
        )
        return response

    def waiting(self, request: Request, person: Person) -> Response:
        """List what waits for somebody like this person."""
        theirs = [one for one in self._app.ledger.waiting() if self._is_theirs(one, person)]
        return self._pages.waiting(theirs, refreshes="still" not in request.query_params)

    def history(self, _: Request, person: Person) -> Response:
        """List what is no longer open."""
        theirs = [one for one in self._app.ledger.recent() if self._is_theirs(one, person)]
        return self._pages.history(theirs[:HISTORY_LENGTH])

    def question(self, request: Request, person: Person) -> Response:
        """Show one question."""
        approval = self._find(request, person)
        may_decide = self._may_decide(approval, person)
        return self._pages.question(approval, person.csrf, may_decide=may_decide)

    def decision(self, request: Request, person: Person) -> Response:
        """Take a decision."""
        decided = DECISIONS.get(request.path_params["decision"])
        approval = self._find(request, person)
        if decided is None:
            raise HTTPException(NOT_FOUND.status)
        if not self._may_decide(approval, person):
            request.scope[WHY] = f"to decide about a call of their own: {approval.id}"
            return self._pages.problem(NOT_YOURS)
        typed = request.state.form.get("word", "")
        return self._decisions.take(approval, decided, person.name, typed, person.csrf)

    def _find(self, request: Request, person: Person) -> Approval:
        approval = self._app.ledger.get(request.path_params["id"])
        if approval is not None and not self._is_theirs(approval, person):
            asked = f"the question {approval.id} of another account"
            record_reach(self._app.audit, person.name, asked)
            approval = None
        if approval is None:
            raise HTTPException(NOT_FOUND.status)
        return approval

    def _is_theirs(self, approval: Approval, person: Person) -> bool:
        try:
            operation = self._app.pipeline.registry.find(approval.tool)
        except ToolFailure:  # it is gone, or switched off
            return False
        theirs = approval.account in person.accounts
        return theirs and person.rights.approves(operation.vendor)

    def _may_decide(self, approval: Approval, person: Person) -> bool:
        operation = self._app.pipeline.registry.find(approval.tool)
        second = needs_two(operation, self._app.settings.general.policy)
        return not (second and approval.caller == person.name)

    async def _person(self, token: str) -> Person | None:
        """Find whose token it is; None where it does not open this page."""
        access = await self._verifier.verify_token(token) if token else None
        if access is None or (access.expires_at and access.expires_at < time.time()):
            return None
        rights = Rights.of(access.scopes)
        vendors = {account.vendor.id for account in self._app.accounts.values()}
        if rights.calls or not any(map(rights.approves, vendors)):
            return None
        csrf = hmac.digest(self._key, token.encode(), "sha256").hex()
        return Person(access.client_id, rights, self._accounts(access), csrf, access)

    def _accounts(self, access: AccessToken) -> frozenset[str]:
        """List the accounts of somebody, as people read them."""
        settings = self._app.settings
        groups = (access.claims or {}).get(GROUPS, [])
        narrowing = access_of(settings.access, access.client_id, groups)
        if narrowing is None:
            return frozenset()
        # That a table names no other accounts than there are was seen at the start.
        names = narrowing.accounts or self._app.accounts
        return frozenset(self._app.accounts[name].label for name in names)

    def _sealed(self, token: str) -> str:
        return urlsafe_b64encode(AESSIV(self._key).encrypt(token.encode(), None)).decode()

    def _unsealed(self, request: Request) -> str:
        try:
            sealed = urlsafe_b64decode(request.cookies.get(COOKIE, ""))
            return AESSIV(self._key).decrypt(sealed, None).decode()
        except (InvalidTag, ValueError):
            return ""

    async def _misfit(self, _: Request, error: Exception) -> Response:
        return self._bare(misfit(error, NOT_FOUND))

    async def _broken(self, _: Request, error: Exception) -> Response:
        logger.error("the page failed", exc_info=error)
        return self._bare(BROKEN)

    def _bare(self, problem: Problem) -> Response:
        response = self._pages.problem(problem)
        response.headers.update(self._headers)
        return response


def root_of(settings: ServiceSettings) -> str:
    """Give the path of the page as browsers see it: beside the address that callers know."""
    path = urlsplit(settings.url).path if settings.url else ""
    return path.rpartition("/")[0] + ROOT


def _is_one_of(host: str, ours: list[str]) -> bool:
    return any(host == one or (one.endswith(":*") and host.startswith(one[:-1])) for one in ours)


def _bearer(request: Request) -> str:
    """Give the token that a proxy brings, which has let the person in."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
