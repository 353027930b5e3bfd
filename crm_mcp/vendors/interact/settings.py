"""What the operator says about interact: where it is, who logs in there, and as what."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from crm_mcp.vendors.base import HEADER_SAFE, VendorSettings


class InteractSettings(VendorSettings):
    """Where interact is, who logs in there, and as what (document line 279)."""

    base_url: str = Field("https://api.interact.io/v2", description="Ends before /contacts.")
    username: str = Field(min_length=1, repr=False, description="Email address of the CRM user.")
    password: SecretStr = Field(min_length=1, description="Password of the CRM user.")
    # The samples log in as a device, the only kind that both calls the API and is pushed to.
    scope: Literal["csr", "device app", "trigger app", "web portal"] = Field(
        "device app", description="As what the user logs in."
    )
    trigger_token: SecretStr | None = Field(
        None, description="Permanent token of a registered trigger device, for events only."
    )
    device_id: str | None = Field(
        None, min_length=1, description="Id of the registered device that receives notifications."
    )

    @field_validator("trigger_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse at the start what could not be sent later."""
        if value is not None and not HEADER_SAFE.fullmatch(value.get_secret_value()):
            raise ValueError("must be plain letters, digits and signs, without blanks")
        return value
