"""Checks against the official conformance suite and foreign clients; no part of the package."""
