"""What a CRM pushes, as resources: a client subscribes, is told of news, and reads them.

A feed listens only while somebody is subscribed, and goes the way of any call: each round is a
call of its operation through the pipeline. Until 2025-11-25 a client subscribes to a resource;
since 2026-07-28 it names the resource when it asks for the server's events.
"""

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourceUpdated,
    SubscriptionBus,
)
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    ReadResourceResult,
    Resource,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from crm_mcp.app import App
from crm_mcp.envelope import as_text, success
from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.respond import Outcome
from crm_mcp.views import View

if TYPE_CHECKING:
    from anyio.abc import TaskGroup
    from mcp.server.session import ServerSession

logger = logging.getLogger(__name__)

MAX_KEPT = 100
ROUND = {"seconds": 300, "count": 100}
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
JSON_TYPE = "application/json"

pause_before_retry = anyio.sleep

Context = ServerRequestContext[Any]


class Feed:
    """One kind of notification of one account: the newest messages, and who wants more."""

    def __init__(self, account: Account, operation: Operation) -> None:
        self.account = account
        self.operation = operation
        self.uri = f"crm://{account.name}/{operation.name}"
        self.messages: deque[Any] = deque(maxlen=MAX_KEPT)
        self.sessions: dict[int, ServerSession] = {}
        self.streams = 0
        self.listening: anyio.CancelScope | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether anybody is subscribed."""
        return bool(self.sessions or self.streams)

    def resource(self) -> Resource:
        """Describe the feed to a client."""
        return Resource(
            uri=self.uri,
            name=self.operation.name,
            title=f"{self.operation.title} (feed)",
            description=f"The newest notifications from {self.account.label} that came while "
            "somebody was subscribed.",
            mime_type=JSON_TYPE,
        )


class Feeds:
    """All feeds of the connected CRMs, and the handlers that serve them.

    Args:
        app: whose CRMs they are.
        view_of: tells what whoever asks sees; a feed is there for those who may read its account.
        bus: on which clients of the modern era hear of news; one of its own if None.
    """

    def __init__(
        self, app: App, view_of: Callable[[Context], View], bus: SubscriptionBus | None = None
    ) -> None:
        self._app = app
        self._view_of = view_of
        self._bus = bus or InMemorySubscriptionBus()
        self._events = ListenHandler(self._bus)
        self._feeds = {feed.uri: feed for feed in _pushed(app)}
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def lifespan(self, _server: object) -> AsyncIterator[dict[str, Any]]:
        """Keep the feeds running while the server does."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            yield {}
            tasks.cancel_scope.cancel()

    def handlers(self) -> dict[str, Any]:
        """Name the handlers of subscriptions; none where no CRM pushes anything."""
        if not self._feeds:
            return {}
        return {
            "on_subscribe_resource": self.subscribe,
            "on_unsubscribe_resource": self.unsubscribe,
            "on_subscriptions_listen": self.listen,
        }

    def resources(self, view: View) -> list[Resource]:
        """Describe the feeds that are there for somebody."""
        return [feed.resource() for feed in self._allowed(view).values()]

    def _allowed(self, view: View) -> dict[str, Feed]:
        return {uri: feed for uri, feed in self._feeds.items() if _is_there(feed, view)}

    def read(self, uri: str, view: View) -> ReadResourceResult | None:
        """Tell the newest messages of one feed, oldest first; None where there is none."""
        feed = self._allowed(view).get(uri)
        if feed is None:
            return None
        account = feed.account.label
        limit = self._app.settings.general.max_result_chars
        envelope = success(Outcome(list(feed.messages)), feed.operation, account, limit)
        text = TextResourceContents(uri=feed.uri, mime_type=JSON_TYPE, text=as_text(envelope))
        return ReadResourceResult(contents=[text], ttl_ms=0, cache_scope="private")

    async def subscribe(self, ctx: Context, params: SubscribeRequestParams) -> EmptyResult:
        """Begin to tell a client of the handshake era of news."""
        feed = self._find(ctx, params.uri)
        feed.sessions[_connection(ctx)] = ctx.session
        self._start(feed)
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """Tell a client no more."""
        feed = self._find(ctx, params.uri)
        feed.sessions.pop(_connection(ctx), None)
        _stop_if_unwanted(feed)
        return EmptyResult()

    async def listen(
        self, ctx: Context, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve a client of the modern era, which names what it wants to hear of."""
        named = params.notifications.resource_subscriptions or ()
        with self._wanted([self._find(ctx, uri) for uri in named if uri in self._feeds]):
            return await self._events(ctx, params)

    @contextmanager
    def _wanted(self, feeds: Iterable[Feed]) -> Iterator[None]:
        for feed in feeds:
            feed.streams += 1
            self._start(feed)
        try:
            yield
        finally:
            for feed in feeds:
                feed.streams -= 1
                _stop_if_unwanted(feed)

    def _find(self, ctx: Context, uri: str) -> Feed:
        allowed = self._allowed(self._view_of(ctx))
        feed = allowed.get(uri)
        if feed is None:
            known = ", ".join(allowed)
            raise MCPError(
                INVALID_PARAMS,
                f"There is no resource of this name; there are: {known}",
                {"uri": uri},
            )
        return feed

    def _start(self, feed: Feed) -> None:
        if feed.listening is None and self._tasks is not None:
            feed.listening = anyio.CancelScope()
            self._tasks.start_soon(self._follow, feed, feed.listening)

    async def _follow(self, feed: Feed, scope: anyio.CancelScope) -> None:
        """Listen round after round; a CRM that cannot be heard is tried again, ever more rarely."""
        pause = FIRST_PAUSE
        pipeline = self._app.at(feed.account.name)
        caller = Caller(program="subscription", heard=lambda outcome: self._heard(feed, outcome))
        with scope:
            while True:
                try:
                    await pipeline.call(feed.operation.name, ROUND, caller)
                    pause = FIRST_PAUSE
                except ToolFailure as failure:
                    logger.warning("%s: not listening: %s", feed.operation.name, failure.message)
                    await pause_before_retry(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)

    async def _heard(self, feed: Feed, outcome: Outcome) -> None:
        feed.messages.extend(outcome.data)
        await self._bus.publish(ResourceUpdated(feed.uri))
        for connection, session in tuple(feed.sessions.items()):
            try:
                await session.send_resource_updated(feed.uri)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                feed.sessions.pop(connection, None)  # the client has gone without a word


def _connection(ctx: Context) -> int:
    """Tell connections apart: a session is made for each request, the handshake's words stay."""
    return id(ctx.session.client_params)


def _stop_if_unwanted(feed: Feed) -> None:
    if feed.listening is not None and not feed.is_wanted:
        feed.listening.cancel()
        feed.listening = None


def _is_there(feed: Feed, view: View) -> bool:
    """Whether somebody's view has the account of a feed, and may call what it listens with."""
    account = view.pipeline.accounts.get(feed.operation.vendor)
    is_theirs = account is not None and account.name == feed.account.name
    return is_theirs and view.registry.is_offered(feed.operation)


def _pushed(app: App) -> Iterator[Feed]:
    """List the feeds of all accounts, as far as they may be called here."""
    registry = app.pipeline.registry
    for operation in registry.operations:
        if operation.request.method == "WS" and registry.is_offered(operation):
            for account in app.accounts.values():
                if account.vendor.id == operation.vendor:
                    yield Feed(account, operation)
