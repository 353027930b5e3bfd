"""Writes whose address was inferred from weak signs: shown as such, and never sent unasked."""

from pathlib import Path

import httpx
import pytest
from cirrus_crm import Crm, opened, operation

from crm_mcp.app import App
from crm_mcp.errors import ConfigError, Refused
from crm_mcp.guard import Allow, Ask, Mode, Policy, Refuse, judge
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller

pytestmark = pytest.mark.anyio

WEAK = operation("follows_create", "POST", "/follow", "create", evidence="inferred-weak")
STRONG = operation("notes_create", "POST", "/notes", "create")
READ = operation("games_list", "GET", "/games", evidence="inferred-weak")
LOGIN = operation(
    "auth_login", "POST", "/login", "action", traits=["session"], evidence="inferred-weak"
)
BEWARE = "Beware: at that address the CRM may do something else than is said here."


def answers(count: int) -> Crm:
    return Crm(planned=[httpx.Response(200, json={})] * count)


def listed(app: App) -> list[str]:
    return [entry["name"] for entry in app.pipeline.registry.entries]


@pytest.mark.parametrize("arguments", [{}, {"_dry_run": True}])
async def test_where_nobody_is_asked_a_guess_is_refused_and_nothing_is_sent(
    tmp_path: Path, arguments: dict[str, bool]
) -> None:
    crm = answers(1)

    async with opened(tmp_path, crm, [WEAK, STRONG, READ], mode="unattended") as app:
        with pytest.raises(Refused) as caught:
            await app.pipeline.call(WEAK.name, arguments, Caller())
        assert listed(app) == [STRONG.name, READ.name]

    assert crm.seen == []
    told = f"{caught.value.as_dict()}"
    assert "inferred from weak signs" in told
    assert [word for word in ("CRM_MCP", "crm-mcp", "accept", "mode", "bind") if word in told] == []


@pytest.mark.parametrize("accepted", ["cirrus_follows_create", "cirrus_follows_*", "*"])
async def test_what_the_operator_accepted_is_sent(tmp_path: Path, accepted: str) -> None:
    crm = answers(1)

    async with opened(tmp_path, crm, [WEAK], mode="unattended", accept_inferred=accepted) as app:
        outcome = await app.pipeline.call(WEAK.name, {}, Caller())
        assert listed(app) == [WEAK.name]

    assert (outcome.status, len(crm.seen)) == ("done", 1)


async def test_a_name_that_fits_nothing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CRM_MCP_ACCEPT_INFERRED: 'cirus_' fits no tool"):
        async with opened(tmp_path, Crm(), [WEAK], accept_inferred="cirus_"):
            pass


@pytest.mark.parametrize(
    ("policy", "called", "verdict"),
    [
        (Policy(), WEAK, Ask),
        (Policy(accept_inferred=("*",)), WEAK, Ask),
        (Policy(Mode.UNATTENDED), WEAK, Refuse),
        (Policy(Mode.UNATTENDED), STRONG, Allow),
        (Policy(Mode.UNATTENDED), READ, Allow),
        (Policy(Mode.UNATTENDED), LOGIN, Allow),
        (Policy(Mode.UNATTENDED, accept_inferred=("other",)), WEAK, Refuse),
        (Policy(Mode.UNATTENDED, accept_inferred=("*",), deny=("*_create",)), WEAK, Refuse),
        (Policy(Mode.READ_ONLY, accept_inferred=("*",)), WEAK, Refuse),
    ],
)
def test_the_verdict_about_a_guess(
    policy: Policy, called: Operation, verdict: type[object]
) -> None:
    assert type(judge(called, policy, 1)) is verdict


@pytest.mark.parametrize(("called", "warned"), [(WEAK, True), (STRONG, False)])
async def test_the_preview_and_the_result_tell_the_evidence(
    tmp_path: Path, called: Operation, *, warned: bool
) -> None:
    async with opened(tmp_path, Crm(), [called]) as app:
        outcome = await app.pipeline.call(called.name, {"_dry_run": True}, Caller())

    lines = outcome.data["preview"].splitlines()
    evidence = called.source.evidence
    assert f"Beware: the address of this call is {evidence}, not documented." in lines
    assert (BEWARE in lines) is warned
