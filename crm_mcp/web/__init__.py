"""The page on which a person decides about writes, for a browser on this machine."""
