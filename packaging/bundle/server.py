"""Starts crm-mcp from a desktop bundle, with what was filled in at its installation."""

import os
import sys

from crm_mcp.__main__ import main

LEFT_EMPTY = "${user_config."
SANDBOX = "CRM_BUNDLE_SANDBOX"


def options() -> list[str]:
    """Read the choice of the sandbox, and take away what is no setting of the server."""
    # Desktop programs hand on the placeholder itself where a field was left empty.
    for name in [name for name, value in os.environ.items() if value.startswith(LEFT_EMPTY)]:
        del os.environ[name]
    return ["--sandbox"] if os.environ.pop(SANDBOX, "") == "true" else []


if __name__ == "__main__":
    sys.argv[1:] = ["serve", *options()]
    main()
