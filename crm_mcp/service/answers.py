"""Short answers in JSON."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response


def answer(status: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
    """Refuse a request, and say why in a word."""
    return JSONResponse({"error": error}, status, headers)
