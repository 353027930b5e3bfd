"""Who may use the page: one browser on this machine, and that only from the page itself.

Other programs, other sites and other names of this machine can reach the port. So every request
proves where it was meant to go, where it comes from and whose it is, before anything looks at it.
"""

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from crm_mcp.web.pages import Pages, Problem

COOKIE = "crm_mcp_approvals"
CSRF_FIELD = "csrf"
ENTRANCE = "/enter"
MAX_BODY_BYTES = 8_192
METHODS = ("GET", "POST")

WRONG_HOST = Problem(
    421, "Wrong address", "This page answers only to the address that the terminal printed."
)
WRONG_METHOD = Problem(405, "Not possible", "This page can be read, and its forms sent.")
WRONG_ORIGIN = Problem(
    403,
    "Refused",
    "Another page sent this request. Open the list of waiting writes in its own tab.",
)
NOT_ENTERED = Problem(
    401,
    "Use the printed address",
    "Open the address that crm-mcp approvals web printed in the terminal. It works once: if it "
    "was used already, end the command with Ctrl-C and start it again.",
)
TOO_LARGE = Problem(413, "Too large", "More was sent than a form of this page can hold.")
FORGED = Problem(
    403, "Refused", "This form is not from the page as it is open now. Go back to the list."
)


class Door:
    """The way in: a token that works once, and the session that it is exchanged for."""

    def __init__(self, token: str) -> None:
        self._token: str | None = token
        self.session = secrets.token_urlsafe(32)
        self.csrf = secrets.token_urlsafe(32)

    def enter(self, token: str) -> bool:
        """Take the token; the second time it is worth nothing."""
        fits = self._token is not None and _same(token, self._token)
        if fits:
            self._token = None
        return fits

    def knows(self, session: str) -> bool:
        """Whether this is the session's cookie."""
        return _same(session, self.session)

    def made(self, csrf: str) -> bool:
        """Whether a form came from a page of this session."""
        return _same(csrf, self.csrf)


def security_headers(style_source: str) -> Mapping[str, str]:
    """List the headers of every answer: nothing from elsewhere, no frame, no trace."""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src {style_source}; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        ),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


class Protection(BaseHTTPMiddleware):
    """Stands before every page; what passes has proven itself."""

    def __init__(self, app: ASGIApp, door: Door, pages: Pages, origin: str) -> None:
        super().__init__(app)
        port = urlsplit(origin).port
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._door = door
        self._pages = pages
        self._headers = security_headers(pages.style_source)

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Refuse a request, or pass it on; either way the answer gets the headers."""
        problem = self._problem(request)
        if problem is None and request.method == "POST":
            problem = await self._problem_of_form(request)
        response = await call_next(request) if problem is None else self._pages.problem(problem)
        response.headers.update(self._headers)
        return response

    def _problem(self, request: Request) -> Problem | None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return WRONG_HOST
        if request.method not in METHODS:
            return WRONG_METHOD
        if not comes_from_here(request, f"http://{hosts[0]}"):
            return WRONG_ORIGIN
        entered = self._door.knows(request.cookies.get(COOKIE, ""))
        return None if entered or request.scope["path"] == ENTRANCE else NOT_ENTERED

    async def _problem_of_form(self, request: Request) -> Problem | None:
        if problem := await read_form(request):
            return problem
        return None if self._door.made(request.state.form.get(CSRF_FIELD, "")) else FORGED


async def read_form(request: Request) -> Problem | None:
    """Read the form, within its bound, and leave it in the request's state."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return TOO_LARGE
    request.state.form = dict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True))
    return None


def misfit(error: Exception, not_found: Problem) -> Problem:
    """Say why no page answers a request: there is none, or not to this method."""
    wrong_method = isinstance(error, HTTPException) and error.status_code == WRONG_METHOD.status
    return WRONG_METHOD if wrong_method else not_found


def comes_from_here(request: Request, origin: str) -> bool:
    """Judge what the browser says about the sender; a form must say something."""
    origins = request.headers.getlist("origin")
    sites = request.headers.getlist("sec-fetch-site")
    if any(named != origin for named in origins):
        return False
    if any(site not in ("none", "same-origin") for site in sites):
        return False
    return request.method == "GET" or bool(origins) or "same-origin" in sites


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())
