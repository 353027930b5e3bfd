"""What the operator says about Cirrus: where it is, and how the server is let in."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from crm_mcp.vendors.base import HEADER_SAFE, VendorSettings, safe_address

# The ways in, of which there must be one, complete; scope and client_auth only refine the last.
_CLIENT = ("client_id", "client_secret", "token_url")
_WAYS = (("token",), ("bearer_token",), _CLIENT)
_REFINED = ("scope", "client_auth")
_CLIENT_TOLD = "CLIENT_ID, CLIENT_SECRET and TOKEN_URL"
_CHOICE = "TOKEN, or BEARER_TOKEN, or CLIENT_ID CLIENT_SECRET TOKEN_URL"


class CirrusSettings(VendorSettings):
    """Where Cirrus is, and one way in: a token, or a client of its OAuth 2 service.

    Every operation wants a token in the header `X-Token`, or one of the "new auth" as a bearer
    (document line 7).
    """

    also_needed: ClassVar[str] = f", and one of: {_CHOICE}"

    base_url: str = Field(description="Ends before /accounts, e.g. https://cirrus.example.com/api")
    token: SecretStr | None = Field(None, description="Token for the header X-Token.")
    bearer_token: SecretStr | None = Field(None, description="Token for Authorization: Bearer.")
    client_id: str | None = Field(
        None, min_length=1, repr=False, description="Client that asks for tokens by itself."
    )
    client_secret: SecretStr | None = Field(None, min_length=1, description="Of that client.")
    token_url: str | None = Field(None, description="Where the client asks for its token.")
    scope: str = Field("", description="What the client asks for, where its service wants that.")
    client_auth: Literal["basic", "body"] = Field(
        "basic", description="How the client names itself: in a header, or in the form."
    )
    bindings: Path | None = Field(
        None, description="File with the addresses of calls as this Cirrus has them."
    )

    @field_validator("token", "bearer_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse at the start what could not be sent later."""
        if value is not None and not HEADER_SAFE.fullmatch(value.get_secret_value()):
            raise ValueError("must be plain letters, digits and signs, without blanks")
        return value

    @field_validator("token_url")
    @classmethod
    def _safe_token_url(cls, value: str | None) -> str | None:
        """Send the client's secret over https, or nowhere beyond this machine."""
        return None if value is None else safe_address(value)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """Demand exactly one way in, and all of it."""
        begun = [way for way in _WAYS if self._given(way)]
        missing = [name.upper() for way in begun for name in way if getattr(self, name) is None]
        if len(begun) != 1:
            told = ", ".join(self._given(tuple(name for way in begun for name in way)))
            raise ValueError(f"give one of: {_CHOICE} ({told or 'none'} given)")
        if missing:
            raise ValueError(f"{' and '.join(missing)} must go with {_CLIENT_TOLD}")
        beside = sorted(name.upper() for name in self.model_fields_set & set(_REFINED))
        if begun[0] is not _CLIENT and beside:
            raise ValueError(f"{' and '.join(beside)} only makes sense with {_CLIENT_TOLD}")
        return self

    def _given(self, names: tuple[str, ...]) -> list[str]:
        return [name.upper() for name in names if getattr(self, name) is not None]
