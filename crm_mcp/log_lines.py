"""How a log line is written: as text, or as one JSON object for those who gather them."""

import json
import logging
from datetime import UTC, datetime

from crm_mcp.telemetry import request_id, trace_id

TEXT = "%(asctime)s %(levelname)s %(name)s:%(request)s %(message)s"


class TextLines(logging.Formatter):
    """Lines for people; the id of the request stands in those that belong to one."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        own = request_id.get()
        record.request = f" [{own}]" if own else ""
        return super().format(record)


class JsonLines(logging.Formatter):
    """One object a line; what is secret was taken out of the record before."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            "trace_id": trace_id(),
            "traceback": record.exc_text or "",
        }
        return json.dumps({name: value for name, value in line.items() if value})
