"""The settings of what an operator sees from outside; each stands in the table `telemetry`."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

_HOST_AND_PORT = re.compile(r"(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}", re.ASCII)


class TelemetrySettings(BaseModel):
    """Where metrics, traces and log lines go; metrics and traces nowhere unless it is said."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    metrics: str | None = Field(
        None, description="Address at which Prometheus reads, such as 127.0.0.1:9464."
    )
    otlp: str | None = Field(
        None, description="OpenTelemetry collector for traces and metrics, over HTTP."
    )
    logs: Literal["text", "json"] = Field("text", description="How log lines are written.")

    @field_validator("metrics")
    @classmethod
    def _listens(cls, value: str | None) -> str | None:
        """Want host and port."""
        if value is not None and not _HOST_AND_PORT.fullmatch(value):
            raise ValueError("must be host and port, such as 127.0.0.1:9464")
        return value

    @field_validator("otlp")
    @classmethod
    def _plain_address(cls, value: str | None) -> str | None:
        """Want a plain address; what goes there holds nothing personal and nothing secret."""
        parts = urlsplit(value) if value else None
        if parts and not (parts.scheme in {"http", "https"} and parts.hostname):
            raise ValueError("must be an address such as http://127.0.0.1:4318")
        if parts and (parts.username or parts.query or parts.fragment):
            raise ValueError("must be an address without user, query and fragment")
        return value
