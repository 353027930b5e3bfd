"""Personal data on the command line: results as an assistant gets them, questions as a person."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from overheard import KEY
from typer.testing import CliRunner, Result

from crm_mcp.cli import cli
from crm_mcp.marks import Tokens
from crm_mcp.sandbox import story

WRITE = "fivecrm_customer_products_import"
NAME = story.ELEANOR.name
NAME_TOKEN = Tokens(KEY, "fivecrm (sandbox)").seal("person", NAME)
PRODUCT = {"account": "1", "product": "Desk", "manufacturer": "Woodworks", "contact": NAME_TOKEN}
FAILED, CONFIG, NOT_APPROVED = 1, 3, 4


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith("CRM_MCP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CRM_MCP_PERSONAL_DATA", "token")
    monkeypatch.setenv("CRM_MCP_PERSONAL_DATA_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "200")
    return monkeypatch


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def write(**product: Any) -> Result:
    given = {"area": "001", "customerProducts": [{**PRODUCT, **product}]}
    return run("call", WRITE, "--sandbox", "--json", json.dumps(given))


def test_a_call_prints_tokens(environment: pytest.MonkeyPatch) -> None:
    tokens = run("call", "fivecrm_owners_list", "--arg", "area=001", "--sandbox")
    environment.setenv("CRM_MCP_PERSONAL_DATA", "mask")
    marks = run("call", "fivecrm_owners_list", "--arg", "area=001", "--sandbox")

    for result in (tokens, marks):
        assert result.exit_code == 0
        assert "Thornbury" not in result.output
    assert json.loads(marks.stdout)["data"][0]["email"] == "<email:hidden>"


def test_a_token_that_was_printed_is_an_argument_and_a_changed_one_is_none(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("CRM_MCP_MODE", "unattended")

    done, refused, failed = write(), write(contact=NAME_TOKEN[:-3] + "AA>"), write(account="2")

    product = json.loads(done.stdout)["data"]["SUCCESSFUL"][0]["CUSTOMER_PRODUCT"]
    assert product["contact"] == NAME_TOKEN
    assert refused.exit_code == FAILED
    assert "holds a token that is damaged" in refused.stderr
    assert failed.exit_code == FAILED
    assert f"Contact ({NAME_TOKEN}) does not exist" in failed.stderr
    assert NAME not in done.output + refused.output + failed.output


def test_who_approves_reads_the_values() -> None:
    asked = write()
    (waiting,) = json.loads(run("approvals", "list", "--json").stdout)
    shown = run("approvals", "show", waiting["id"])

    assert asked.exit_code == NOT_APPROVED
    assert NAME not in asked.output
    assert f'contact = "{NAME}"' in shown.stdout


@pytest.mark.parametrize("key", ["", "too short", "a" * 60])
def test_without_a_good_key_nothing_starts(key: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CRM_MCP_PERSONAL_DATA_KEY", key)

    result = run("call", "fivecrm_areas_list", "--sandbox")

    assert result.exit_code == CONFIG
    assert "CRM_MCP_PERSONAL_DATA_KEY: tokens need a random key" in result.stderr
    assert "secrets.token_urlsafe(32)" in result.stderr
    assert not key or key not in result.stderr


def test_doctor_says_what_callers_get(environment: pytest.MonkeyPatch) -> None:
    told = []
    for policy in ("off", "mask", "token"):
        environment.setenv("CRM_MCP_PERSONAL_DATA", policy)
        told.append(run("doctor", "--sandbox").stdout)

    assert "personal data: told to callers as it stands in the CRM" in told[0]
    assert "personal data: hidden from callers" in told[1]
    assert "personal data: told to callers as tokens" in told[2]
