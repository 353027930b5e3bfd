"""CRM systems as MCP tools, with a person's yes before every write."""

__version__ = "0.1.0"
