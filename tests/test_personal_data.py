"""Personal data as a client gets it in each policy, and as the CRM gets it back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import aead
from overheard import KEY, POLICIES, Overheard, connected

from crm_mcp.marks import Tokens
from crm_mcp.sandbox import story
from crm_mcp.screen import ABRIDGED, NOT_SEALED

pytestmark = pytest.mark.anyio

WRITE = "fivecrm_customer_products_import"
SEARCH = "fivecrm_privacy_details_search"
ACCOUNT = "fivecrm (sandbox)"
TOKENS = Tokens(KEY, ACCOUNT)
NAME = story.ELEANOR.name
NAME_TOKEN = TOKENS.seal("person", NAME)
PRODUCT = {"account": "1", "product": "Desk", "manufacturer": "Woodworks"}
HIDING = ("mask", "token")


@pytest.fixture
def sandbox() -> Overheard:
    return Overheard()


def importing(**product: Any) -> dict[str, Any]:
    return {"area": "001", "customerProducts": [{**PRODUCT, **product}]}


async def owners(policy: str, folder: Path, sandbox: Overheard) -> list[dict[str, Any]]:
    async with connected(policy, folder, sandbox) as session:
        result = await session.call("fivecrm_owners_list", area="001")
    rows: list[dict[str, Any]] = result["data"]
    return rows


async def test_off_tells_everything_and_mask_nothing(tmp_path: Path, sandbox: Overheard) -> None:
    (told, *_), (masked, *_) = [
        await owners(policy, tmp_path, sandbox) for policy in ("off", "mask")
    ]

    assert (told["owner"], told["name"], told["email"]) == (
        "Maya",
        "Maya Thornbury",
        "maya@tidewell.example.com",
    )
    hidden = {"owner": "<person:hidden>", "name": "<person:hidden>", "email": "<email:hidden>"}
    assert masked == told | hidden


async def test_a_token_is_the_same_in_every_result_and_can_be_told_from_others(
    tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected("token", tmp_path, sandbox) as session:
        owners = (await session.call("fivecrm_owners_list", area="001"))["data"]
        people = (await session.call("fivecrm_sales_people_list", area="001"))["data"]
        statuses = (await session.call("fivecrm_customer_statuses_list", area="001"))["data"]

    assert owners[0]["email"] == people[0]["emailAddress"] == TOKENS.seal("email", story.MAYA.email)
    assert owners[0]["name"] == people[0]["name"]
    assert {owner["owner"] for owner in owners} == {person["owner"] for person in people} | {
        TOKENS.seal("person", "Rufus")
    }
    assert statuses[-1]["changeOwner"] == owners[0]["owner"]
    assert len({owner["email"] for owner in owners}) == len(owners)


async def test_a_search_by_a_token_is_a_search_by_its_value(
    tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected("token", tmp_path, sandbox) as session:
        by_token = await session.call(SEARCH, area="001", contName=NAME_TOKEN)
        by_value = await session.call(SEARCH, area="001", contName=NAME)

    assert by_token == by_value
    assert by_token["data"][0]["ID"] == str(story.ELEANOR.id)
    assert sandbox.heard[0] == sandbox.heard[1]
    assert f"contName={NAME}" in sandbox.heard[0]


@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_a_person_sees_what_stands_behind_a_token_and_the_crm_gets_it(
    protocol: str, tmp_path: Path, sandbox: Overheard
) -> None:
    read: list[str] = []

    def person(preview: str) -> Any:
        read.append(preview)
        return "approve"

    async with connected(
        "token", tmp_path, sandbox, mode="confirm", person=person, protocol=protocol
    ) as session:
        owner = (await session.call("fivecrm_owners_list", area="001"))["data"][0]
        products = importing(contact=NAME_TOKEN, text=f"ask {owner['email']} today")
        done = await session.call(WRITE, **products)

    assert f'customerProducts[0].contact = "{NAME}"' in read[0]
    assert f'customerProducts[0].text = "ask {story.MAYA.email} today"' in read[0]
    assert f'  "{story.MAYA.email}" (read with fivecrm_owners_list)' in read[0]
    assert "<person:" not in read[0]
    assert f"[contact]={NAME}&" in sandbox.heard[-1]
    assert f"[text]=ask {story.MAYA.email} today" in sandbox.heard[-1]
    product = done["data"]["SUCCESSFUL"][0]["CUSTOMER_PRODUCT"]
    assert (product["contact"], product["text"]) == (NAME_TOKEN, f"ask {owner['email']} today")
    assert sandbox.writes == 1


async def test_an_approval_out_of_band_shows_the_values_and_fits_the_token(
    tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected("token", tmp_path, sandbox, mode="confirm") as session:
        asked = await session.call(WRITE, **importing(contact=NAME_TOKEN))
        (waiting,) = session.app.ledger.waiting()
        session.app.ledger.decide(waiting.id, "approved", "a person")
        done = await session.call(WRITE, **importing(contact=NAME_TOKEN))
        again = await session.call(WRITE, **importing(contact=NAME_TOKEN))

    assert (asked["error"], again["error"]) == ("approval_required", "approval_required")
    assert NAME in waiting.preview
    assert done["status"] == "done"
    assert NAME not in json.dumps([asked, done, again])
    assert sandbox.writes == 1


@pytest.mark.parametrize("policy", HIDING)
async def test_a_dry_run_shows_the_caller_no_value(
    policy: str, tmp_path: Path, sandbox: Overheard
) -> None:
    products = importing(contact=NAME, text=f"call {story.ELEANOR.phone}, or {story.MAYA.email}")
    async with connected(policy, tmp_path, sandbox) as session:
        result = await session.call(WRITE, **products, _dry_run=True)

    preview = result["data"]["preview"]
    told = [NAME, "Eleanor", story.ELEANOR.phone, "0113", story.MAYA.email]
    assert [value for value in told if value in json.dumps(result)] == []
    assert 'customerProducts[0].product = "Desk"' in preview
    assert "customerProducts[0][contact]=%3Cperson%3A" in preview
    assert preview.endswith(ABRIDGED)
    assert [seen.operation for seen in sandbox.log if seen.effect != "read"] == []


@pytest.mark.parametrize("policy", HIDING)
async def test_an_error_does_not_repeat_a_name(
    policy: str, tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected(policy, tmp_path, sandbox) as session:
        result = await session.call(WRITE, **importing(contact="Ebenezer Stranger"))

    assert result["error"] == "rejected"
    assert "Ebenezer" not in json.dumps(result)
    assert "Contact (<person:" in result["message"]
    assert result["not_done"][0]["item"]["contact"].startswith("<person:")
    assert "Contact (<person:" in result["not_done"][0]["errors"][0]


async def test_lengths_and_forms_are_those_of_the_value_and_it_is_not_told(
    tmp_path: Path, sandbox: Overheard
) -> None:
    too_long = TOKENS.seal("person", "Ebenezer Stranger " * 4)
    async with connected("token", tmp_path, sandbox) as session:
        fits = await session.call(WRITE, **importing(contact=NAME_TOKEN))
        refused = await session.call(WRITE, **importing(contact=too_long))
        in_area = await session.call("fivecrm_areas_get", area=TOKENS.seal("person", "Ann"))
        no_number = await session.call(WRITE, **importing(planQty=NAME_TOKEN))

    assert len(NAME_TOKEN) > 50
    assert fits["status"] == "done"
    assert "has 72 characters; at most 50 are allowed" in refused["message"]
    for result in (refused, in_area, no_number):
        assert result["error"] in ("invalid_arguments", "not_found")
        assert not any(word in json.dumps(result) for word in ("Ebenezer", '"Ann', "(Ann", NAME))


FORGED = {
    "a mark": "<person:hidden>",
    "of another account": Tokens(KEY, "fivecrm (elsewhere)").seal("person", NAME),
    "of another key": Tokens(KEY[::-1], ACCOUNT).seal("person", NAME),
    "relabelled": NAME_TOKEN.replace("person", "email"),
    "made up": "<person:AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH>",
    "cut off": NAME_TOKEN[:30] + "…",
    "within a text": f"for <person:hidden> or {NAME_TOKEN}",
}


@pytest.mark.parametrize("policy", HIDING)
@pytest.mark.parametrize("value", FORGED.values(), ids=list(FORGED))
async def test_what_stands_for_nothing_is_not_sent(
    value: str, policy: str, tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected(policy, tmp_path, sandbox) as session:
        written = await session.call(WRITE, **importing(contact=value))
        read = await session.call(SEARCH, area="001", contName=value)

    assert (written["error"], read["error"]) == ("invalid_arguments", "invalid_arguments")
    assert written["message"].startswith(f"{WRITE}: customerProducts holds ")
    assert NAME not in json.dumps([written, read])
    assert "CRM_MCP" not in json.dumps([written, read])
    assert sandbox.heard == []


async def test_without_a_cipher_values_are_masked_and_tokens_refused(
    tmp_path: Path, sandbox: Overheard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: bytes) -> None:
        raise UnsupportedAlgorithm("no SIV here")

    monkeypatch.setattr(aead, "AESSIV", broken)
    async with connected("token", tmp_path, sandbox) as session:
        read = await session.call("fivecrm_owners_list", area="001")
        refused = await session.call(WRITE, **importing(contact=NAME_TOKEN))

    assert {row["email"] for row in read["data"]} == {"<email:hidden>"}
    assert read["warnings"] == [NOT_SEALED]
    assert refused["error"] == "invalid_arguments"
    assert sandbox.writes == 0


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_client_is_told_what_marks_and_tokens_are(
    policy: str, tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected(policy, tmp_path, sandbox) as session:
        instructions = session.client.instructions or ""

    assert ("<email:hidden>" in instructions) == (policy == "mask")
    assert ("<email:…>" in instructions) == (policy == "token")


def test_who_hides_nothing_loads_nothing_for_it(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from crm_mcp.cli import cli\n"
        "words = ['call', 'fivecrm_areas_list', '--sandbox']\n"
        "assert CliRunner().invoke(cli, words).exit_code == 0\n"
        "print(sorted({'crm_mcp.screen', 'crm_mcp.marks', 'cryptography'} & set(sys.modules)))\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-P", "-c", script],
        env={"CRM_MCP_STATE_DIR": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout == "[]\n"
