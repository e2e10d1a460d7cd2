"""One module per CI system: what triggered us in; outputs, annotations, summary and masks out."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.ci.system import System


def detect(environ: Mapping[str, str]) -> System:
    """Tell from the environment which CI system runs us; a person's terminal otherwise."""
    if environ.get("GITHUB_ACTIONS") == "true":
        from slipway.ci.github_actions import GitHubActions

        system = GitHubActions(environ)
        system.finish_at_exit()
        return system
    from slipway.ci.terminal import Terminal

    return Terminal()
