"""The settings of `crm-mcp serve --http`: where it listens, and who may call."""

import ipaddress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from crm_mcp.setting_types import Names, strong

PATH = "/mcp"
ROOT = "/approvals"
"""Where callers send messages, and where people decide."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Those with a public key: whoever can check such a token cannot make one."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def web_address(value: str | None) -> str | None:
    """Want https, except on this machine."""
    if value is None:
        return None
    parts = urlsplit(value)
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://crm.example.com/mcp")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https://; http:// goes on this machine only")
    return value


class ServiceSettings(BaseModel):
    """The settings of the service; each stands in the table `http`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="Address of this machine to listen at.")
    port: int = Field(8765, ge=0, le=65_535, description="Port to listen at; 0 is a free one.")
    url: str | None = Field(
        None, description="Address by which callers know the server, as in their tokens."
    )
    origins: Names = Field(
        (), description="Web pages that may call it from a browser, such as https://app.example."
    )
    proxies: Names = Field(
        (), description="Addresses or networks of proxies that say where a request came from."
    )
    tokens: Path | None = Field(None, description="File of callers and hashes of their tokens.")
    issuer: str | None = Field(None, description="Who issues the OAuth tokens of callers.")
    keys_url: str | None = Field(None, description="Address of the issuer's public keys (JWKS).")
    groups_claim: str = Field(
        "groups", min_length=1, description="Claim of the OAuth tokens that lists groups."
    )
    anyone: bool = Field(
        default=False, description="Whether all on this machine may call it without a token."
    )
    state_key: SecretStr | None = Field(
        None, description="Random secret that processes share which serve the same callers."
    )
    webhook: SecretStr | None = Field(
        None, description="Address that is told of each question that waits."
    )
    webhook_key: SecretStr | None = Field(
        None, description="Random secret that notices are signed with."
    )
    max_calls: int = Field(
        16, ge=1, le=1_000, description="Requests of one caller at the same time, at most."
    )
    max_body_bytes: int = Field(
        4 << 20, ge=1_000, le=64 << 20, description="Bytes of one request, at most."
    )

    @field_validator("url", "issuer", "keys_url")
    @classmethod
    def _safe_address(cls, value: str | None) -> str | None:
        return web_address(value)

    @field_validator("proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ipaddress.ip_network(one)
            except ValueError:
                raise ValueError(f"must be addresses or networks, and {one!r} is none") from None
        return value

    @field_validator("state_key", "webhook_key")
    @classmethod
    def _strong_key(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else strong(value, "processes and receivers of notices")

    @field_validator("webhook")
    @classmethod
    def _safe_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        """Want https beyond this machine; the address may have a secret in its path."""
        web_address(value.get_secret_value() if value else None)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ways = [self.tokens is not None, self.issuer is not None, self.anyone]
        if sum(ways) > 1:
            raise ValueError("set one of HTTP_TOKENS, HTTP_ISSUER and HTTP_ANYONE")
        if self.issuer and not (self.keys_url and self.url):
            raise ValueError("HTTP_ISSUER needs HTTP_KEYS_URL and HTTP_URL too")
        if not is_loopback(self.host) and not self.url:
            raise ValueError("HTTP_URL is missing: beyond this machine, callers need an address")
        if self.webhook and not self.webhook_key:
            raise ValueError(
                "HTTP_WEBHOOK needs HTTP_WEBHOOK_KEY, which its notices are signed with"
            )
        if self.anyone and not is_loopback(self.host):
            raise ValueError("HTTP_ANYONE goes on this machine only: HTTP_HOST must be 127.0.0.1")
        return self

    @property
    def knows_callers(self) -> bool:
        """Whether it is set who may call."""
        return self.anyone or self.tokens is not None or self.issuer is not None

    @property
    def page(self) -> str:
        """Where people decide, as far as it is known before a request; else empty."""
        if not self.url or self.anyone:
            return ""
        return self.url.rstrip("/").rpartition("/")[0] + ROOT

    @property
    def hosts(self) -> list[str]:
        """Which Host headers are ours."""
        if self.url:
            return [urlsplit(self.url).netloc]
        return ["127.0.0.1:*", "localhost:*", "[::1]:*"]

    @property
    def pages(self) -> list[str]:
        """Which Origin headers are heeded."""
        if self.url:
            parts = urlsplit(self.url)
            return [f"{parts.scheme}://{parts.netloc}", *self.origins]
        return ["http://127.0.0.1:*", "http://localhost:*", "http://[::1]:*", *self.origins]
