"""Slipway: CI/CD as one `uses:` line."""

__version__ = "0.1.0"
