"""Settings from the environment, a file, and flags: complete, known, and never repeated."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from crm_mcp.config import General, Settings, load_settings
from crm_mcp.errors import ConfigError
from crm_mcp.guard import Mode, Policy
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.vendors import known_vendors, load_vendor_code
from crm_mcp.vendors.fivecrm import FiveCrm, FiveCrmSettings

FIVE = {
    "CRM_MCP_FIVECRM_BASE_URL": "https://crm.example.com/base",
    "CRM_MCP_FIVECRM_HASH": "s3cret",
}
FIVE_SETTINGS = FiveCrmSettings(base_url="https://crm.example.com/base", hash=SecretStr("s3cret"))
FIVE_NAMES = ", ".join(f"CRM_MCP_FIVECRM_{key.upper()}" for key in FiveCrmSettings.model_fields)
GENERAL_NAMES = ", ".join(f"CRM_MCP_{field.upper()}" for field in General.model_fields)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "crm-mcp.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(environment: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(environment, file)
    return str(caught.value)


def test_without_settings_everything_has_its_default_and_no_vendor_is_on() -> None:
    settings = load_settings({"PATH": "/bin", "CRM_MCPX": "1", "XCRM_MCP_MODE": "unattended"})

    assert settings == Settings(general=General(), vendors={})
    assert settings.general.policy == Policy(
        mode=Mode.CONFIRM, allow=(), deny=(), max_bulk=25, writes_per_hour=200
    )
    assert settings.general.model_dump(exclude={"state_dir", "dialogs"}) == {
        "mode": "confirm",
        "toolsets": ("default",),
        "allow": (),
        "deny": (),
        "use_accounts": (),
        "four_eyes": (),
        "state_url": None,
        "audit": None,
        "accept_inferred": (),
        "files_dir": None,
        "min_answer_seconds": 1.0,
        "max_result_chars": 40_000,
        "max_bulk": 25,
        "max_writes_per_hour": 200,
        "timeout": 30.0,
        "log_level": "WARNING",
        "personal_data": "off",
        "personal_data_key": None,
    }
    assert settings.general.state_dir.name == "crm-mcp"
    assert settings.secrets() == []


def test_the_environment_sets_everything(tmp_path: Path) -> None:
    settings = load_settings(
        {
            **FIVE,
            "CRM_MCP_FIVECRM_RATE": "2.5",
            "CRM_MCP_FIVECRM_CONCURRENCY": "3",
            "CRM_MCP_MODE": "unattended",
            "CRM_MCP_TOOLSETS": " fivecrm.products ,all,, ",
            "CRM_MCP_ALLOW": "fivecrm_*",
            "CRM_MCP_DENY": "*_delete,*_merge",
            "CRM_MCP_STATE_DIR": str(tmp_path),
            "CRM_MCP_MIN_ANSWER_SECONDS": "2.5",
            "CRM_MCP_MAX_RESULT_CHARS": "5000",
            "CRM_MCP_MAX_BULK": "5",
            "CRM_MCP_MAX_WRITES_PER_HOUR": "7",
            "CRM_MCP_TIMEOUT": "1.5",
            "CRM_MCP_LOG_LEVEL": "DEBUG",
        }
    )

    assert settings.general == General(
        mode=Mode.UNATTENDED,
        toolsets=("fivecrm.products", "all"),
        allow=("fivecrm_*",),
        deny=("*_delete", "*_merge"),
        state_dir=tmp_path,
        min_answer_seconds=2.5,
        max_result_chars=5000,
        max_bulk=5,
        max_writes_per_hour=7,
        timeout=1.5,
        log_level="DEBUG",
    )
    assert settings.general.policy == Policy(
        mode=Mode.UNATTENDED,
        allow=("fivecrm_*",),
        deny=("*_delete", "*_merge"),
        max_bulk=5,
        writes_per_hour=7,
    )
    assert settings.vendors == {
        "fivecrm": FIVE_SETTINGS.model_copy(update={"rate": 2.5, "concurrency": 3})
    }
    assert settings.secrets() == ["s3cret"]


def test_a_file_sets_the_same_in_lower_case_with_a_table_for_each_vendor(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'mode = "read_only"\nallow = ["fivecrm_ä*"]\nmax_bulk = 5\n'
        '[fivecrm]\nbase_url = "https://crm.example.com/base"\nhash = "s3cret"\n',
    )

    settings = load_settings({}, file)

    assert settings == Settings(
        general=General(mode=Mode.READ_ONLY, allow=("fivecrm_ä*",), max_bulk=5),
        vendors={"fivecrm": FIVE_SETTINGS},
    )


def test_the_environment_wins_over_the_file_and_completes_it(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'mode = "read_only"\nmax_bulk = 5\n'
        '[fivecrm]\nbase_url = "https://old.example.com"\nrate = 1\n',
    )

    settings = load_settings({**FIVE, "CRM_MCP_MODE": "confirm"}, file)

    assert settings == Settings(
        general=General(mode=Mode.CONFIRM, max_bulk=5),
        vendors={"fivecrm": FIVE_SETTINGS.model_copy(update={"rate": 1.0})},
    )


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    file = written(tmp_path, "max_bulk = 5\n")

    settings = load_settings({"CRM_MCP_MAX_BULK": "", "CRM_MCP_FIVECRM_HASH": ""}, file)

    assert settings == Settings(general=General(max_bulk=5))


def test_a_flag_tightens_the_mode_and_nothing_else() -> None:
    settings = load_settings({**FIVE, "CRM_MCP_MODE": "unattended", "CRM_MCP_MAX_BULK": "5"})

    assert settings.read_only() == Settings(
        general=General(mode=Mode.READ_ONLY, max_bulk=5), vendors={"fivecrm": FIVE_SETTINGS}
    )
    assert settings.general.mode is Mode.UNATTENDED


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (
            {"CRM_MCP_FIVECRM_BASE_URL": "https://crm.example.com"},
            "CRM_MCP_FIVECRM_HASH is missing",
        ),
        (
            {"CRM_MCP_FIVECRM_RATE": "1"},
            "CRM_MCP_FIVECRM_BASE_URL is missing; CRM_MCP_FIVECRM_HASH is missing",
        ),
        (
            {"CRM_MCP_MODES": "confirm"},
            f"CRM_MCP_MODES is not a setting (there are: {GENERAL_NAMES})",
        ),
        (
            {**FIVE, "CRM_MCP_FIVECRM_PASSWORD": "s3cret"},
            f"CRM_MCP_FIVECRM_PASSWORD is not a setting (there are: {FIVE_NAMES})",
        ),
        (
            {"CRM_MCP_ACME_HASH": "s3cret"},
            f"CRM_MCP_ACME_HASH is not a setting (there are: {GENERAL_NAMES})",
        ),
        (
            {"CRM_MCP_MODE": "yolo"},
            "CRM_MCP_MODE: Input should be 'read_only', 'confirm' or 'unattended'",
        ),
        (
            {"CRM_MCP_MAX_BULK": "x", "CRM_MCP_TIMEOUT": "nan"},
            (
                "CRM_MCP_MAX_BULK: Input should be a valid integer, unable to parse string as an "
                "integer; CRM_MCP_TIMEOUT: Input should be less than or equal to 600"
            ),
        ),
        (
            {"CRM_MCP_MAX_RESULT_CHARS": "999"},
            "CRM_MCP_MAX_RESULT_CHARS: Input should be greater than or equal to 1000",
        ),
        (
            {**FIVE, "CRM_MCP_FIVECRM_BASE_URL": "http://crm.example.com"},
            "CRM_MCP_FIVECRM_BASE_URL: must begin with https:// (http:// is for this machine only)",
        ),
        (
            {**FIVE, "CRM_MCP_FIVECRM_RATE": "0"},
            "CRM_MCP_FIVECRM_RATE: Input should be greater than 0",
        ),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(
    environment: dict[str, str], told: str
) -> None:
    assert problem(environment) == told


@pytest.mark.parametrize(
    ("name", "smallest", "largest"),
    [
        ("MIN_ANSWER_SECONDS", 0, 60),
        ("MAX_RESULT_CHARS", 1_000, 1_000_000),
        ("MAX_BULK", 1, 1_000),
        ("MAX_WRITES_PER_HOUR", 1, 100_000),
        ("TIMEOUT", 0.001, 600),
        ("FIVECRM_RATE", 0.001, 100_000),
        ("FIVECRM_CONCURRENCY", 1, 64),
    ],
)
def test_a_number_has_a_smallest_and_a_largest_value(
    name: str, smallest: float, largest: float
) -> None:
    variable = f"CRM_MCP_{name}"

    assert load_settings({**FIVE, variable: str(smallest)})
    assert load_settings({**FIVE, variable: str(largest)})
    below = problem({**FIVE, variable: str(smallest - 1)})
    above = problem({**FIVE, variable: str(largest + 1)})
    assert below.startswith(f"{variable}: Input should be greater than ")
    assert above == f"{variable}: Input should be less than or equal to {largest}"


def test_a_vendor_has_a_gentle_pace_by_default() -> None:
    assert (FIVE_SETTINGS.rate, FIVE_SETTINGS.concurrency) == (5.0, 8)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mode = ", "cannot be read: "),
        ("[fivecrm\n", "cannot be read: "),
    ],
)
def test_a_file_that_is_no_toml_stops_the_start(tmp_path: Path, text: str, told: str) -> None:
    file = written(tmp_path, text)

    assert problem({}, file).startswith(f"{file}: {told}")


def test_a_file_that_is_not_there_or_no_text_stops_the_start(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    assert problem({}, missing).startswith(f"{missing}: cannot be read: ")
    assert problem({}, binary).startswith(f"{binary}: cannot be read: ")


def test_a_list_in_a_file_must_hold_texts(tmp_path: Path) -> None:
    file = written(tmp_path, "allow = [1]\n")

    assert problem({}, file) == "CRM_MCP_ALLOW: Input should be a valid string"


@pytest.mark.parametrize(
    "environment",
    [
        {**FIVE, "CRM_MCP_FIVECRM_SECRET": "s3cret"},
        {"CRM_MCP_FIVECRM_BASE_URL": "https://user:s3cret@crm.example.com"},
        {"CRM_MCP_MODE": "s3cret", "CRM_MCP_MAX_BULK": "s3cret", "CRM_MCP_LOG_LEVEL": "s3cret"},
    ],
)
def test_no_value_is_repeated_in_an_error(environment: dict[str, str]) -> None:
    assert "s3cret" not in problem(environment)


def test_a_secret_is_not_shown_with_the_settings() -> None:
    settings = load_settings(FIVE)

    assert "s3cret" not in f"{settings!r} {settings} {settings.vendors['fivecrm']!r}"
    assert "s3cret" not in settings.model_dump_json()


@pytest.mark.parametrize("model", [General(), Settings(), FIVE_SETTINGS])
def test_settings_are_frozen(model: Any) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, next(iter(type(model).model_fields)), None)


def test_the_vendors_are_found_by_their_folders() -> None:
    assert "fivecrm" in known_vendors()
    assert list(known_vendors()) == sorted(known_vendors())
    assert "base" not in known_vendors()
    assert isinstance(load_vendor_code("fivecrm"), FiveCrm)


@pytest.mark.parametrize("vendor", ["acme", "base", "", "../fivecrm", "fivecrm.auth"])
def test_a_vendor_without_code_is_told_with_those_there_are(vendor: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_vendor_code(vendor)

    assert str(caught.value) == f"no vendor {vendor!r}; there are: {', '.join(known_vendors())}"


@pytest.mark.parametrize("vendor", known_vendors())
def test_every_vendor_says_what_is_everyday_and_how_to_probe_it(vendor: str) -> None:
    code = load_vendor_code(vendor)
    operations = {operation.name: operation for operation in load_vendor(schemas_root(), vendor)}

    assert (code.id, code.title != "") == (vendor, True)
    toolsets = {operation.toolset for operation in operations.values()}
    assert set(code.everyday) <= toolsets | set(operations)
    assert code.everyday
    probe = operations[code.probe]
    assert (probe.effect, probe.input_schema.get("required", [])) == ("read", [])


KEY = "kJ2-n0t-4-real-key_for-tests-0nly"


def test_the_key_of_tokens_is_a_secret_like_those_of_the_vendors(tmp_path: Path) -> None:
    file = written(tmp_path, f'personal_data_key = "{KEY}"\npersonal_data = "token"\n')

    settings = load_settings(FIVE, file)

    assert settings.general.personal_data == "token"
    assert settings.secrets() == [KEY, "s3cret"]
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    "given", [{}, {"PERSONAL_DATA_KEY": KEY[:31]}, {"PERSONAL_DATA_KEY": "abcdefg" * 8}]
)
def test_tokens_without_a_key_that_nobody_can_guess_stop_the_start(given: dict[str, str]) -> None:
    named = {f"CRM_MCP_{name}": value for name, value in given.items()}

    with pytest.raises(ConfigError) as caught:
        load_settings({"CRM_MCP_PERSONAL_DATA": "token", **named})

    assert str(caught.value).startswith("CRM_MCP_PERSONAL_DATA_KEY: tokens need a random key of ")
    assert not any(value in str(caught.value) for value in given.values())


def test_a_key_may_stand_ready_for_a_policy_without_tokens() -> None:
    settings = load_settings({"CRM_MCP_PERSONAL_DATA": "mask", "CRM_MCP_PERSONAL_DATA_KEY": KEY})

    assert settings.secrets() == [KEY]
