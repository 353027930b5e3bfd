"""A file of callers and the hashes of their tokens, for a team without a login service.

[[caller]]
name = "anna"
hash = "sha256:…"
scopes = ["crm:read", "crm:write:fivecrm"]
groups = ["sales"]
expires = 2027-06-30
"""

import hashlib
import json
import logging
import re
import secrets
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Self

from anyio import to_thread
from mcp.server.auth.provider import AccessToken
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from crm_mcp.errors import ConfigError, first_problem
from crm_mcp.rights import APPROVE, is_for_calls, is_scope

logger = logging.getLogger(__name__)

TOKEN_BYTES = 32
HASH = "sha256:"
GROUPS = "groups"
"""Where the groups of a caller stand, with every kind of token."""
_NAME = re.compile(r"[\w.@+-]{1,80}", re.ASCII)


def _known(scope: str) -> str:
    if not is_scope(scope):
        raise ValueError(
            "is crm:read, crm:write or crm:approve, or one of them with a CRM: crm:read:fivecrm"
        )
    return scope


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("is made of letters, digits, and . _ @ + -, at most 80")
    return name


class TokenCaller(BaseModel):
    """One caller: a name of its own, and the hash of its token."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, AfterValidator(_plain)]
    hash: str = Field(pattern=rf"^{HASH}[0-9a-f]{{64}}$")
    scopes: list[Annotated[str, AfterValidator(_known)]] = Field(min_length=1)
    groups: list[Annotated[str, AfterValidator(_plain)]] = []
    expires: date | None = None

    @model_validator(mode="after")
    def _approves_alone(self) -> Self:
        """Keep approving apart: what a program's token can do, the program can do unasked."""
        if self.approves and any(map(is_for_calls, self.scopes)):
            raise ValueError("crm:approve needs a token of its own, which no program is given")
        return self

    @property
    def approves(self) -> bool:
        """Whether it is a person's, for approvals."""
        return any(scope.startswith(APPROVE) for scope in self.scopes)


_CALLERS = TypeAdapter(list[TokenCaller])


def hashed(token: str) -> str:
    """Hash a token; it is random, so that none can be found by trying."""
    return HASH + hashlib.sha256(token.encode()).hexdigest()


def new_token(name: str, scopes: list[str], groups: list[str], last: date) -> tuple[str, str]:
    """Make a token; gives it, and the lines that let it in.

    Raises:
        ConfigError: the name, a scope or a group cannot be used.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    told = {
        "name": name,
        "hash": hashed(token),
        "scopes": scopes,
        "groups": groups,
        "expires": last,
    }
    try:
        caller = TokenCaller.model_validate(told)
    except ValidationError as error:
        raise ConfigError(first_problem(error)) from None
    lines = [
        "[[caller]]",
        f'name = "{caller.name}"',
        f'hash = "{caller.hash}"',
        f"scopes = {json.dumps(caller.scopes)}",
        *([f"groups = {json.dumps(caller.groups)}"] if caller.groups else []),
        f"expires = {caller.expires}",
    ]
    return token, "\n".join(lines) + "\n"


def read_callers(file: Path) -> dict[str, TokenCaller]:
    """Read the file; gives the callers by the hash of their token.

    Raises:
        ConfigError: it cannot be read, or two callers have one name or one token.
    """
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        callers = _CALLERS.validate_python(table.pop("caller", []))
    except ValidationError as error:
        raise ConfigError(f"{file}: {first_problem(error)}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    if table:
        raise ConfigError(f"{file}: {', '.join(table)} is not known; write [[caller]] above it")
    by_hash = {caller.hash: caller for caller in callers}
    # A person has two tokens of one name: one that calls, and one that approves.
    names = {(one.name, one.approves) for one in callers}
    if len(by_hash) < len(callers) or len(names) < len(callers):
        raise ConfigError(f"{file}: each caller needs a name and a token of its own")
    return by_hash


class TokenFile:
    """Lets in who has a token of the file; a change of the file counts at once.

    While the file cannot be read, nobody is let in: a token that was taken out must not go on.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read: tuple[Any, dict[str, TokenCaller]] = (None, {})

    async def verify_token(self, token: str) -> AccessToken | None:
        """Find a token's caller; None where there is none, or its time is over."""
        caller = (await to_thread.run_sync(self.callers)).get(hashed(token))
        if caller is None:
            return None
        ends = datetime.combine(caller.expires, time.max, UTC) if caller.expires else None
        return AccessToken(
            token="",  # nobody behind this needs it
            client_id=f"token:{caller.name}",
            scopes=caller.scopes,
            expires_at=int(ends.timestamp()) if ends else None,
            claims={GROUPS: caller.groups},
        )

    def callers(self) -> dict[str, TokenCaller]:
        """Give the callers as the file has them now."""
        try:
            stat = self._file.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen != self._read[0]:
                self._read = (seen, read_callers(self._file))
        except (OSError, ConfigError) as error:
            logger.error("nobody is let in: %s", error)  # noqa: TRY400 - the operator mends a file
            self._read = (None, {})
        return self._read[1]
