"""Kinds of settings that are read from one line of text."""

from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr

MIN_KEY_CHARS = 32
MIN_KEY_VARIETY = 8


def _split(value: Any) -> Any:
    """Read `a, b` as a list."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


def strong(key: SecretStr | None, who: str) -> SecretStr:
    """Want a key that nobody can guess.

    Args:
        key: as it was set, if it was.
        who: needs it, for the error.

    Raises:
        ValueError: says how to make one.
    """
    text = key.get_secret_value() if key else ""
    if key is None or len(text) < MIN_KEY_CHARS or len(set(text)) < MIN_KEY_VARIETY:
        raise ValueError(
            f"{who} need a random key of at least {MIN_KEY_CHARS} characters; make one with: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return key
