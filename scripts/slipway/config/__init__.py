"""slipway.yml: reading, defaults, names filled in, and mistakes with line and column."""

from slipway.config.document import Document, read
from slipway.config.interpolation import values_from

__all__ = ["Document", "read", "values_from"]
