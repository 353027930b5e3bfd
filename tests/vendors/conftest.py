"""interact on a mocked wire, for the tests of its session."""

from collections.abc import AsyncIterator, Iterator

import pytest
import respx
from interact_crm import BASE, TRIGGER, Clock, Crm, meeting
from wire import Line


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interact(clock: Clock) -> Crm:
    """Stand in for interact."""
    return Crm(clock)


@pytest.fixture
def online(interact: Crm) -> Iterator[Crm]:
    """Put interact on the network that everybody sees; any other host there is an error."""
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=BASE).mock(side_effect=interact.answer)
        yield interact


@pytest.fixture
async def session(interact: Crm) -> AsyncIterator[Line]:
    """Connect a client of interact that has not logged in yet."""
    async with meeting(interact, trigger_token=TRIGGER) as line:
        yield line
