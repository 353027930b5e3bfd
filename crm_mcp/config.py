"""Settings: from the environment, a TOML file, and flags; frozen once made.

An environment variable wins over the file. A flag may tighten what both say, never loosen it.
Which settings a vendor has, its own folder says. Named accounts, and who may use which, stand in
the file; the variables of an account are named after it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args
from urllib.parse import unquote, urlsplit

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from crm_mcp.access import Access
from crm_mcp.errors import ConfigError, first_problem
from crm_mcp.guard import ALL, Mode, Policy
from crm_mcp.operation import Trait
from crm_mcp.service_settings import ServiceSettings
from crm_mcp.setting_types import Names, strong
from crm_mcp.telemetry_settings import TelemetrySettings
from crm_mcp.vendors import known_vendors, load_vendor_code
from crm_mcp.vendors.base import VendorSettings, secrets_of

PREFIX = "CRM_MCP_"
HTTP = "http"
TELEMETRY = "telemetry"
"""The tables of the service, and of what is seen from outside; no vendor has these names."""
ACCOUNTS, ACCESS = "accounts", "access"
"""Tables of tables: named accounts, and which callers may use them."""
ACCOUNT = "account_"
"""The variables of a named account begin so, and go on with its name."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)

Model = TypeVar("Model", bound=BaseModel)


class General(BaseModel):
    """The settings that are no vendor's."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mode: Mode = Field(
        Mode.CONFIRM,
        description="How writes are treated: not at all, with a person's yes, or without asking.",
    )
    toolsets: Names = Field(("default",), description="Which tools are listed.")
    allow: Names = Field((), description="The only tools that can be called.")
    deny: Names = Field((), description="Tools that cannot be called; wins over the allowed.")
    use_accounts: Names = Field(
        (), description="Which accounts are used; the first of a CRM is its usual one."
    )
    accept_inferred: Names = Field(
        (), description="Writes at weakly inferred addresses that may go without a person."
    )
    four_eyes: Names = Field(
        (), description="Traits of writes that another person than the caller must approve."
    )
    dialogs: bool = Field(
        default=True, description="Whether questions may go to a dialog of the client."
    )
    min_answer_seconds: float = Field(
        1.0, ge=0, le=60, description="A dialog accepted faster was not read by a person."
    )
    state_dir: Path = Field(
        default_factory=lambda: platformdirs.user_state_path("crm-mcp"),
        description="Folder of approvals and the record.",
    )
    state_url: SecretStr | None = Field(
        None, description="Redis or Valkey server of the state, for replicas on several machines."
    )
    audit: Literal["file", "stream", "both"] | None = Field(
        None, description="Where the record stands: a file of the state folder, or the server."
    )
    files_dir: Path | None = Field(None, description="Folder from which calls may send files.")
    max_result_chars: int = Field(
        40_000, ge=1_000, le=1_000_000, description="Characters of a result, at most."
    )
    max_bulk: int = Field(25, ge=1, le=1_000, description="Records in one write, at most.")
    max_writes_per_hour: int = Field(
        200, ge=1, le=100_000, description="Writes in an hour, at most."
    )
    timeout: float = Field(30.0, gt=0, le=600, description="Seconds for an answer of the CRM.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="What is logged to standard error."
    )
    personal_data: Literal["off", "mask", "token"] = Field(
        "off", description="Whether personal values are hidden from callers: masked, or as tokens."
    )
    personal_data_key: SecretStr | None = Field(
        None,
        validate_default=True,
        description="Random secret of 32 characters or more that tokens are made with.",
    )

    @field_validator("four_eyes")
    @classmethod
    def _known_traits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = (ALL, *get_args(Trait))
        for trait in value:
            if trait not in known:
                raise ValueError(f"{trait!r} is none of: {', '.join(known)}")
        return value

    @field_validator("state_url")
    @classmethod
    def _server(cls, value: SecretStr | None) -> SecretStr | None:
        """Want the address of a server, without telling it: it may hold a password."""
        parts = urlsplit(value.get_secret_value()) if value else None
        if parts and not (parts.scheme in {"redis", "rediss"} and parts.hostname):
            raise ValueError("must be an address such as redis://127.0.0.1:6379/0")
        return value

    @model_validator(mode="after")
    def _has_a_stream(self) -> Self:
        """Want a server where a stream is to be kept."""
        if self.audit in {"stream", "both"} and self.state_url is None:
            raise ValueError("AUDIT: a stream needs STATE_URL")
        return self

    @field_validator("personal_data_key")
    @classmethod
    def _strong_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Want a key where tokens are made, and none that could be guessed."""
        if value is None and info.data.get("personal_data") != "token":
            return None
        return strong(value, "tokens")

    def secrets(self) -> list[str]:
        """List what nobody may read: every secret, and the password within an address."""
        address = urlsplit(self.state_url.get_secret_value()) if self.state_url else None
        password = [address.password] if address and address.password else []
        return [*secrets_of(self), *password, *map(unquote, password)]

    @property
    def policy(self) -> Policy:
        """What the guard needs to know."""
        return Policy(
            mode=self.mode,
            allow=self.allow,
            deny=self.deny,
            accept_inferred=self.accept_inferred,
            max_bulk=self.max_bulk,
            writes_per_hour=self.max_writes_per_hour,
            four_eyes=self.four_eyes,
        )


class AccountSettings(BaseModel):
    """One account at a vendor."""

    model_config = ConfigDict(frozen=True)

    vendor: str
    settings: VendorSettings


class Settings(BaseModel):
    """Everything that was set; a vendor without an account is off.

    `vendors` has the accounts that have no name of their own, `named` those that have one, and
    `access` says who may use what, the first that fits.
    """

    model_config = ConfigDict(frozen=True)

    general: General = General()
    http: ServiceSettings = ServiceSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    vendors: Mapping[str, VendorSettings] = {}
    named: Mapping[str, AccountSettings] = {}
    access: Mapping[str, Access] = {}

    @property
    def accounts(self) -> dict[str, AccountSettings]:
        """All accounts that are used, by name; that of an account without one is its vendor's.

        Raises:
            ConfigError: one is to be used that is not set up.
        """
        unnamed = {
            name: AccountSettings(vendor=name, settings=settings)
            for name, settings in self.vendors.items()
        }
        every = {**unnamed, **self.named}
        chosen = self.general.use_accounts or tuple(every)
        for name in chosen:
            if name not in every:
                known = ", ".join(every) or "none"
                raise ConfigError(
                    f"CRM_MCP_USE_ACCOUNTS: there is no account {name!r}; set: {known}"
                )
        return {name: every[name] for name in chosen}

    def read_only(self) -> "Settings":
        """Tighten the mode to reading."""
        general = self.general.model_copy(update={"mode": Mode.READ_ONLY})
        return self.model_copy(update={"general": general})

    def secrets(self) -> list[str]:
        """List all secret values, for the redactor."""
        every = [*self.vendors.values(), *(one.settings for one in self.named.values())]
        theirs = (secret for settings in every for secret in settings.secrets())
        return [*self.general.secrets(), *secrets_of(self.http), *theirs]


def load_settings(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: names beginning with CRM_MCP_ count, others do not.
        file: a TOML file with the same names in lower case, and one table a vendor.

    Raises:
        ConfigError: a name nobody knows, a value that is wrong, or a vendor that is incomplete.
    """
    given = _from_file(file) if file else {}
    for name in (HTTP, TELEMETRY, ACCOUNTS, ACCESS, *known_vendors()):
        if not isinstance(given.get(name, {}), dict):
            raise ConfigError(f"{file}: {name} must be a table: write [{name}] above its settings")
    accounts = given.pop(ACCOUNTS, {})
    for name, value in environment.items():
        if name.startswith(PREFIX) and value:
            _place(given, accounts, name.removeprefix(PREFIX).lower(), value)
    vendors = {name: given.pop(name) for name in known_vendors() if name in given}
    return Settings(
        vendors={name: _vendor_settings(name, table) for name, table in vendors.items()},
        named={name: _named(name, table) for name, table in accounts.items()},
        access={name: _access(name, table) for name, table in given.pop(ACCESS, {}).items()},
        http=_checked(ServiceSettings, given.pop(HTTP, {}), f"{PREFIX}{HTTP.upper()}_"),
        telemetry=_checked(
            TelemetrySettings, given.pop(TELEMETRY, {}), f"{PREFIX}{TELEMETRY.upper()}_"
        ),
        general=_checked(General, given, PREFIX),
    )


def _place(given: dict[str, Any], accounts: dict[str, Any], name: str, value: str) -> None:
    """Put a variable where it belongs: into a table, or among the general ones."""
    for account in sorted(accounts, key=len, reverse=True):  # one name may begin with another
        begin = f"{ACCOUNT}{_variable(account)}_"
        if name.startswith(begin) and isinstance(accounts[account], dict):
            accounts[account][name.removeprefix(begin)] = value
            return
    table, _, rest = name.partition("_")
    if table in {HTTP, TELEMETRY, *known_vendors()} and rest:
        given.setdefault(table, {})[rest] = value
    else:
        given[name] = value


def _variable(account: str) -> str:
    """Write an account's name as variables have it."""
    return account.replace("-", "_")


def _named(name: str, table: Any) -> AccountSettings:
    """Read one account that has a name.

    Raises:
        ConfigError: its name, its vendor or one of its settings cannot be used.
    """
    if not _NAME.fullmatch(name) or name in known_vendors():
        raise ConfigError(
            f"[{ACCOUNTS}.{name}]: a name is made of small letters, digits and -, and is none of: "
            f"{', '.join(known_vendors())}"
        )
    table = dict(table) if isinstance(table, dict) else {}
    vendor = table.pop("vendor", None)
    if vendor not in known_vendors():
        raise ConfigError(
            f"[{ACCOUNTS}.{name}]: vendor must be one of: {', '.join(known_vendors())}"
        )
    prefix = f"{PREFIX}{ACCOUNT}{_variable(name)}_".upper()
    settings = _checked(load_vendor_code(vendor).settings, table, prefix)
    return AccountSettings(vendor=vendor, settings=settings)


def _access(name: str, table: Any) -> Access:
    try:
        return Access.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"[{ACCESS}.{name}]: {first_problem(error)}") from None


def _from_file(file: Path) -> dict[str, Any]:
    import tomllib  # most servers are set up by variables alone

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error


def _vendor_settings(vendor: str, table: Any) -> VendorSettings:
    model = load_vendor_code(vendor).settings
    return _checked(model, table, f"{PREFIX}{vendor.upper()}_")


def _checked(model: type[Model], values: Any, prefix: str) -> Model:
    """Validate, and name each variable that is wrong; values are not repeated."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        told = [_told(problem, prefix, model) for problem in problems]
        raise ConfigError("; ".join(told)) from None


def _told(problem: Any, prefix: str, model: type[BaseModel]) -> str:
    # A condition between several settings has no place of its own.
    name = prefix + ("_".join(str(step) for step in problem["loc"][:1]).upper() or "…")
    if problem["type"] == "missing":
        return f"{name} is missing"
    if problem["type"] == "extra_forbidden":
        known = ", ".join(prefix + field.upper() for field in model.model_fields)
        return f"{name} is not a setting (there are: {known})"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}"
