"""OAuth tokens: JSON web tokens, checked against their issuer's public keys."""

import logging
import re
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

import anyio
import jwt
from anyio import to_thread
from mcp.server.auth.provider import AccessToken

from crm_mcp.service.tokens import GROUPS
from crm_mcp.service_settings import ALGORITHMS

logger = logging.getLogger(__name__)

LEEWAY_SECONDS = 30
FETCH_SECONDS = 5
KEYS_FRESH_SECONDS = 3_600
RARELY_SECONDS = 30
NEEDED = ["exp", "iss", "aud", "sub"]
_PLAIN = re.compile(r"[\w.@+|/=-]{1,100}", re.ASCII)


class IssuerKeys:
    """The public keys of an issuer, fetched when they are needed.

    A token that names an unknown key makes them be fetched again, but not more often than every
    half minute: else forged tokens would turn the server against its issuer.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = jwt.PyJWKClient(url, cache_keys=False, timeout=FETCH_SECONDS)
        self._clock = clock
        self._fetched = -RARELY_SECONDS * 1.0
        self._keys: dict[str, jwt.PyJWK] = {}
        self._turn = anyio.Lock()

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """Find a key by its id; None where the issuer has none such."""
        async with self._turn:
            age = self._clock() - self._fetched
            unknown = key_id not in self._keys and age >= RARELY_SECONDS
            if unknown or age >= KEYS_FRESH_SECONDS:
                self._fetched = self._clock()
                await self._fetch()
        return self._keys.get(key_id)

    async def _fetch(self) -> None:
        try:
            keys = await to_thread.run_sync(partial(self._client.get_signing_keys, refresh=True))
        except jwt.PyJWTError as error:  # those that are known go on until then
            logger.error("the issuer's keys cannot be had: %s", error)  # noqa: TRY400
            return
        self._keys = {key.key_id: key for key in keys if key.key_id}


class IssuedTokens:
    """Lets in who has a token of the issuer that was made for this server.

    Args:
        issuer: as the token must name it.
        audience: the address of this server, as the token must name it.
        keys: of the issuer.
        groups: the claim that lists the groups of a caller.
    """

    def __init__(self, issuer: str, audience: str, keys: IssuerKeys, groups: str = GROUPS) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._groups = groups

    async def verify_token(self, token: str) -> AccessToken | None:
        """Check signature, issuer, audience and times; None where one of them does not hold."""
        try:
            key = await self._keys.find(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": NEEDED},
            )
        except jwt.PyJWTError as error:
            logger.info("a token was refused: %s", type(error).__name__)
            return None
        return AccessToken(
            token="",  # nobody behind this needs it, and no CRM may ever see it
            client_id=f"oauth:{_plain(claims['sub'])}",
            scopes=_words(claims.get("scope", claims.get("scp"))),
            expires_at=int(claims["exp"]) + LEEWAY_SECONDS,
            subject=claims["sub"],
            claims={"iss": claims["iss"], GROUPS: _words(claims.get(self._groups))},
        )


def _words(told: Any) -> list[str]:
    """Read what issuers write as one text or as a list."""
    if isinstance(told, str):
        return told.split()
    return [one for one in told if isinstance(one, str)] if isinstance(told, list) else []


def _plain(subject: str) -> str:
    """Write a subject so that it can stand in a record; no two become one."""
    if _PLAIN.fullmatch(subject):
        return subject
    return "#" + sha256(subject.encode()).hexdigest()
