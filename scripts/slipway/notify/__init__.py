"""Notices: what happens in an environment, told where people are. They fail and delay no deployment."""

from __future__ import annotations

from slipway.notify.notices import Notice, sinks

__all__ = ["Notice", "sinks"]
