"""Short answers in JSON."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response


def answer(
    status: int, error: str, headers: Mapping[str, str] | None = None, **more: str
) -> Response:
    """Refuse a request, and say why in a word."""
    return JSONResponse({"error": error, **more}, status, headers)
