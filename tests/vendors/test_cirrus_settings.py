"""The settings of Cirrus: one way in, all of it, and only to safe addresses."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from crm_mcp.commands.setup import Setup
from crm_mcp.config import Settings, load_settings
from crm_mcp.errors import ConfigError
from crm_mcp.vendors import load_vendor_code
from crm_mcp.vendors.cirrus import VENDOR
from crm_mcp.vendors.cirrus.settings import CirrusSettings

PREFIX = "CRM_MCP_CIRRUS_"
BASE = {"BASE_URL": "https://cirrus.example.com/api/"}
SECRET = "m4rker-secret"
CLIENT = {"CLIENT_ID": "me", "CLIENT_SECRET": SECRET, "TOKEN_URL": "https://login.example.com/t"}
CHOICE = "TOKEN, or BEARER_TOKEN, or CLIENT_ID CLIENT_SECRET TOKEN_URL"


def loaded(given: Mapping[str, str]) -> Settings:
    return load_settings({f"{PREFIX}{name}": value for name, value in given.items()})


def refused(given: Mapping[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(given)
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("way", [{"TOKEN": SECRET}, {"BEARER_TOKEN": SECRET}, CLIENT])
def test_each_way_in_is_enough_and_its_secret_is_known_as_one(way: dict[str, str]) -> None:
    settings = loaded(BASE | way)

    assert settings.vendors["cirrus"].base_url == "https://cirrus.example.com/api"
    assert settings.secrets() == [SECRET]
    assert SECRET not in repr(settings)


def test_rate_concurrency_and_the_file_of_bindings_are_settings() -> None:
    more = {"RATE": "2", "CONCURRENCY": "3", "BINDINGS": "mine.toml", "SCOPE": "crm"}

    given = loaded(BASE | CLIENT | more | {"CLIENT_AUTH": "body"}).vendors["cirrus"]

    assert isinstance(given, CirrusSettings)
    assert (given.rate, given.concurrency, given.bindings) == (2, 3, Path("mine.toml"))
    assert (given.scope, given.client_auth) == ("crm", "body")


def test_the_address_is_required() -> None:
    assert refused({"TOKEN": SECRET}) == f"{PREFIX}BASE_URL is missing"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "none"),
        ({"TOKEN": SECRET, "BEARER_TOKEN": SECRET}, "TOKEN, BEARER_TOKEN"),
        ({"TOKEN": SECRET, **CLIENT}, "TOKEN, CLIENT_ID, CLIENT_SECRET, TOKEN_URL"),
        ({"BEARER_TOKEN": SECRET, "CLIENT_ID": "me"}, "BEARER_TOKEN, CLIENT_ID"),
    ],
)
def test_no_way_in_and_several_are_refused_with_those_given(
    given: dict[str, str], told: str
) -> None:
    assert refused(BASE | given) == f"{PREFIX}…: give one of: {CHOICE} ({told} given)"


@pytest.mark.parametrize(
    ("absent", "told"),
    [
        (["CLIENT_ID"], "CLIENT_ID"),
        (["CLIENT_SECRET"], "CLIENT_SECRET"),
        (["CLIENT_ID", "TOKEN_URL"], "CLIENT_ID and TOKEN_URL"),
    ],
)
def test_half_a_client_is_refused_with_what_is_missing(absent: list[str], told: str) -> None:
    half = {name: value for name, value in CLIENT.items() if name not in absent}

    expected = f"{told} must go with CLIENT_ID, CLIENT_SECRET and TOKEN_URL"
    assert refused(BASE | half) == f"{PREFIX}…: {expected}"


@pytest.mark.parametrize("name", ["SCOPE", "CLIENT_AUTH"])
def test_what_refines_a_client_goes_with_no_token(name: str) -> None:
    told = refused(BASE | {"TOKEN": SECRET, name: "body"})

    assert told == f"{PREFIX}…: {name} only makes sense with CLIENT_ID, CLIENT_SECRET and TOKEN_URL"


@pytest.mark.parametrize("name", ["TOKEN", "BEARER_TOKEN"])
@pytest.mark.parametrize("token", [f"{SECRET} x", f"{SECRET}\nX-Other: 1", f"{SECRET}ä"])
def test_a_token_that_no_header_takes_is_refused(name: str, token: str) -> None:
    told = refused(BASE | {name: token})

    assert told == f"{PREFIX}{name}: must be plain letters, digits and signs, without blanks"


@pytest.mark.parametrize(
    "address",
    [
        "http://login.example.com/t",
        "ftp://login.example.com/t",
        "login.example.com/t",
        f"https://me:{SECRET}@login.example.com/t",
        f"https://login.example.com/t?client_secret={SECRET}",
        "http://localhost.example.com/t",
    ],
)
@pytest.mark.parametrize("name", ["TOKEN_URL", "BASE_URL"])
def test_only_safe_addresses_are_taken(name: str, address: str) -> None:
    assert refused(BASE | CLIENT | {name: address}).startswith(f"{PREFIX}{name}: must be")


def test_the_login_service_may_be_on_this_machine() -> None:
    assert loaded(BASE | CLIENT | {"TOKEN_URL": "http://127.0.0.1:9/t"}).vendors


def test_who_connects_nothing_is_told_the_ways_in() -> None:
    with pytest.raises(ConfigError) as caught:
        Setup.of(Settings(), use_sandbox=False, vendors_needed=True)

    lines = str(caught.value).splitlines()
    assert f"  cirrus: {PREFIX}BASE_URL, and one of: {CHOICE}" in lines
    assert "  fivecrm: CRM_MCP_FIVECRM_BASE_URL CRM_MCP_FIVECRM_HASH" in lines


def test_the_vendor_is_found_by_its_folder() -> None:
    assert load_vendor_code("cirrus") is VENDOR
