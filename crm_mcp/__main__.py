"""The entry of the `crm-mcp` command."""

import gc


def main() -> None:
    """Run the command line."""
    # Start-up makes a great many objects and drops none: collecting between them takes a tenth of
    # the time to the first answer. Collection begins once everything is loaded.
    gc.disable()
    from crm_mcp.cli import cli

    cli()


if __name__ == "__main__":
    main()
