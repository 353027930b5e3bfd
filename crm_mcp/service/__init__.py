"""`crm-mcp serve --http`: the same server for many callers, over streamable HTTP."""
