"""The operator's bindings: which request of a vendor's own document each tool makes."""
