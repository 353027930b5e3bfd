"""What the published descriptions say of our settings, made from the settings themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from crm_mcp.config import PREFIX, General
from crm_mcp.vendors import known_vendors, load_vendor_code

SANDBOX = "CRM_BUNDLE_SANDBOX"
# A desktop program shows all of its fields at once: only what most people have to decide.
IN_DIALOG = ("mode", "toolsets", "files_dir", "personal_data", "personal_data_key")

_FORMATS: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", Path: "filepath"}
_IN_CAPITALS = {"url", "id"}


@dataclass(frozen=True)
class Setting:
    """One setting; `crm` is the title of the CRM that it belongs to, or empty."""

    variable: str
    name: str
    crm: str
    field: FieldInfo

    @property
    def key(self) -> str:
        """Its name among the fields of a bundle."""
        return self.variable.removeprefix(PREFIX).lower()

    @property
    def types(self) -> tuple[Any, ...]:
        """What its value may be; of a union all parts."""
        annotation = self.field.annotation
        is_literal = get_origin(annotation) is Literal
        return (annotation,) if is_literal else (annotation, *get_args(annotation))

    @property
    def secret(self) -> bool:
        """Whether nobody may read its value."""
        return SecretStr in self.types

    @property
    def format(self) -> str:
        """How the registry calls the kind of its value."""
        return next((_FORMATS[kind] for kind in self.types if kind in _FORMATS), "string")

    @property
    def choices(self) -> list[str]:
        """All values that it can have, where they can be counted."""
        for kind in self.types:
            if get_origin(kind) is Literal:
                return list(get_args(kind))
            if isinstance(kind, type) and issubclass(kind, Enum):
                return [member.value for member in kind]
        return []

    @property
    def default(self) -> Any:
        """Its value where nothing is set; None where there is none to publish.

        A CRM is on as soon as one of its settings is given, so none of those has a default here: a
        client that fills defaults in would switch on all four CRMs, and none completely.
        """
        value = None if self.crm else self.field.default
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, tuple):
            return ",".join(value) or None
        return value if isinstance(value, str | bool | int | float) else None

    @property
    def needed(self) -> bool:
        """Whether its CRM cannot do without; no CRM must be there, so nothing is required."""
        return bool(self.crm) and self.field.is_required()


def all_settings() -> Iterator[Setting]:
    """List the settings: the general ones, then those of each CRM."""
    for name, field in General.model_fields.items():
        yield Setting(f"{PREFIX}{name.upper()}", name, "", field)
    for vendor in known_vendors():
        code = load_vendor_code(vendor)
        for name, field in code.settings.model_fields.items():
            yield Setting(f"{PREFIX}{vendor.upper()}_{name.upper()}", name, code.title, field)


def for_registry() -> list[dict[str, Any]]:
    """Declare all settings the way that `server.json` wants it."""
    return [_variable(setting) for setting in all_settings()]


def for_bundle() -> tuple[dict[str, Any], dict[str, str]]:
    """Declare the fields of a bundle, and the environment that they become."""
    shown = [setting for setting in all_settings() if _in_dialog(setting)]
    fields = {setting.key: _bundle_field(setting) for setting in shown}
    environment = {setting.variable: f"${{user_config.{setting.key}}}" for setting in shown}
    sandbox = {
        "type": "boolean",
        "title": "Sandbox",
        "description": "Work on made-up data instead of the CRMs below.",
        "default": False,
    }
    return (
        {"sandbox": sandbox, **fields},
        {SANDBOX: "${user_config.sandbox}", **environment},
    )


def _in_dialog(setting: Setting) -> bool:
    if not setting.crm:
        return setting.name in IN_DIALOG
    # A number that has a value already only tunes.
    return setting.format != "number" or setting.field.default is None


def _variable(setting: Setting) -> dict[str, Any]:
    whose = f"{setting.crm}{' (needed)' if setting.needed else ''}: " if setting.crm else ""
    told: dict[str, Any] = {
        "name": setting.variable,
        "description": f"{whose}{setting.field.description}",
        "isRequired": setting.field.is_required() and not setting.crm,
        "isSecret": setting.secret,
        "format": setting.format,
    }
    if setting.default is not None:
        default = str(setting.default)
        told["default"] = default.lower() if setting.format == "boolean" else default
    return told | ({"choices": setting.choices} if setting.choices else {})


def _bundle_field(setting: Setting) -> dict[str, Any]:
    needed = "Needed. " if setting.needed else ""
    one_of = f" One of: {', '.join(setting.choices)}." if setting.choices else ""
    told: dict[str, Any] = {
        "type": _bundle_type(setting),
        "title": _title(setting),
        "description": f"{needed}{setting.field.description}{one_of}",
        "required": False,
    }
    if setting.secret:
        told["sensitive"] = True
    return told | ({} if setting.default is None else {"default": setting.default})


def _bundle_type(setting: Setting) -> str:
    if setting.format == "filepath":
        return "directory" if setting.name.endswith("_dir") else "file"
    return setting.format


def _title(setting: Setting) -> str:
    words = [word.upper() if word in _IN_CAPITALS else word for word in setting.name.split("_")]
    named = " ".join(words)
    return f"{setting.crm}: {named}" if setting.crm else named[:1].upper() + named[1:]
