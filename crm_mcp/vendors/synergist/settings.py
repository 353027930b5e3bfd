"""The settings of Synergist."""

import re
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from crm_mcp.vendors.base import VendorSettings

# The HTTP library takes no address above 65,536 characters.
LONGEST_ADDRESS = 65_000

_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+|localhost")


class SynergistSettings(VendorSettings):
    """Where the customer's Synergist is, and who calls it (document lines 86 to 103)."""

    base_url: str = Field(description="Ends before /jsonapi/, e.g. https://synergist.example.com")
    # No SecretStr: to mask a short name such as "jon" in every text would spoil the records. What
    # is masked is the name as it stands in an address, which a server may repeat in an error.
    user: str = Field(min_length=1, repr=False, description="Login ID of the CRM user.")
    password: SecretStr | None = Field(None, min_length=1, description="Password of that user.")
    sha512password: SecretStr | None = Field(
        None,
        min_length=1,
        validate_default=True,
        description="The hash of the password, as the CRM tells it, in the password's place.",
    )
    company: int | None = Field(
        None, ge=0, description="Number of the company for calls that leave it out."
    )
    upload_hosts: tuple[str, ...] = Field(
        ("*.amazonaws.com",), description="Hosts to which attachments may be brought."
    )
    max_attachment_url: int = Field(
        60_000,
        ge=8_000,
        le=LONGEST_ADDRESS,
        description="Characters of an address that carries an attachment, at most.",
    )

    @field_validator("sha512password")
    @classmethod
    def _one_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Demand the password or its hash."""
        if "password" in info.data and (value is None) == (info.data["password"] is None):
            raise ValueError("give the password or its SHA-512, one of the two")
        return value

    @field_validator("upload_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Read `a, b` as a list."""
        if not isinstance(value, str):
            return value
        return tuple(part for part in re.split(r"[\s,]+", value) if part)

    @field_validator("upload_hosts")
    @classmethod
    def _named_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Accept names of hosts, and `*.` before a name for all below it."""
        lower = tuple(host.lower() for host in hosts)
        for host in lower:
            if not _HOST.fullmatch(host):
                raise ValueError("must name hosts, such as files.example.com or *.example.com")
        return lower

    def secrets(self) -> list[str]:
        """Add the user as an address names them, coded and decoded."""
        names = dict.fromkeys((self.user, quote(self.user, safe="")))
        return [*super().secrets(), *(f"user={name}" for name in names)]
