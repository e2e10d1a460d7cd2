"""Arguments -> one command function -> exit code."""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol, cast

from slipway import __version__
from slipway.ci.system import System
from slipway.clock import Clock, SystemClock
from slipway.errors import Exit, SlipwayError, UsageError
from slipway.events import Stream

# One line each; the module of the same name holds the rest and is imported only when it runs.
COMMANDS: Mapping[str, str] = {
    "plan": "show what would be built and published, in which order; writes nothing",
    "test": "run the repository's suites before anything is published",
    "build": "build each component once, as an artifact with a digest",
    "publish": "put artifacts into one environment, hand off, follow to the end",
    "rollback": "go back to the last rollout that succeeded",
    "status": "show what runs where, at which commit and digest",
    "init": "write slipway.yml and the workflow files for an existing repository",
    "doctor": "check credentials, settings, names and permissions, and say what to change",
    "rehearse": "run the whole pipeline on this machine",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a command may touch: the environment, the repository, time, the CI system and who listens."""

    environ: Mapping[str, str]
    root: Path  # of the repository that is published
    system: System
    stream: Stream
    clock: Clock
    json: bool  # print one JSON document on standard output, and nothing else there


class Command(Protocol):
    """What each module in `commands/` gives."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options; each one's name is also its input's name."""

    def run(self, arguments: argparse.Namespace, context: Context) -> int:
        """Do it and return the exit code."""


class Parser(argparse.ArgumentParser):
    """Reports bad usage as our own error, with the nearest right word."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError for what argparse could not take."""
        raise UsageError(f"{self.prog}: {message}.", remedy=f"`{self.prog} --help` shows what it takes.")


def boolean(text: str) -> bool:
    """Read `true` or `false`, the only words for a boolean."""
    if text not in {"true", "false"}:
        raise argparse.ArgumentTypeError(f"expected `true` or `false`, not `{text}`")
    return text == "true"


def lines(text: str) -> tuple[str, ...]:
    """Read a list, one item per line; blank lines don't count."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def command(name: str) -> Command:
    """Import the module of one command."""
    return cast("Command", importlib.import_module(f"slipway.commands.{name}"))


def parser_of(name: str) -> Parser:
    """Make the parser of one command, with the options that all commands have."""
    module = importlib.import_module(f"slipway.commands.{name}")
    parser = Parser(
        prog=f"slipway {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--working-directory", default=".", metavar="DIR", help="the repository's root (default: this folder)"
    )
    parser.add_argument(
        "--json",
        nargs="?",
        const=True,
        default=False,
        type=boolean,
        help="print one JSON document for machines",
    )
    module.add_arguments(parser)
    return parser


def arguments_from_inputs(parser: argparse.ArgumentParser, inputs: str) -> list[str]:
    """Turn an action's inputs, the JSON object in `INPUTS`, into options of the same names.

    Empty inputs count as not given. Raises UsageError for one that the command has no option for.
    """
    given = _inputs(inputs)
    options = {option for action in parser._actions for option in action.option_strings}  # noqa: SLF001
    words: list[str] = []
    for key, value in given.items():
        if value in {"", None}:
            continue
        if f"--{key}" not in options:
            raise UsageError(f"`{parser.prog}` takes no input `{key}`{_nearest(f'--{key}', options)}")
        words.append(f"--{key}={value}")
    return words


def _inputs(text: str) -> dict[str, str | None]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        given = None
    if isinstance(given, dict) and all(isinstance(value, str | None) for value in given.values()):
        return given
    raise UsageError(
        "INPUTS is not a JSON object of texts.",
        remedy="Slipway's own actions set it to `${{ toJSON(inputs) }}`; elsewhere leave it unset.",
    )


def _nearest(word: str, words: set[str]) -> str:
    near = difflib.get_close_matches(word, sorted(words), n=1)
    return f"; did you mean `{near[0]}`?" if near else "."


def help_text() -> str:
    """What `slipway --help` prints."""
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    return (
        "usage: slipway COMMAND [OPTIONS]\n\n"
        "Builds each component once and publishes the same digest to every environment.\n\n"
        f"commands:\n{rows}\n\n"
        "`slipway COMMAND --help` teaches one. Start with `slipway plan`: it writes nothing.\n"
        "exit codes: 0 done, 1 failed, 2 changes found, 3 rolled back, 4 not rolled back: look,\n"
        "5 superseded, 6 held, 64 bad usage or configuration\n"
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error becomes one message."""
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in {"-h", "--help", "help"}:
        print(help_text(), end="")
        return Exit.DONE if words else Exit.USAGE
    if words[0] in {"-V", "--version"}:
        print(f"slipway {__version__}")
        return Exit.DONE
    from slipway.ci import detect

    system = detect(os.environ)
    try:
        return _dispatch(words, system)
    except SlipwayError as error:
        report(error, system)
        return int(error.exit_code)


def _from_root_action(inputs: str) -> list[str]:
    """Read the root action's inputs: `command`, and `arguments` one per line."""
    given = _inputs(inputs)
    unknown = given.keys() - {"command", "arguments", "working-directory"}
    if unknown:
        raise UsageError(f"The root action takes no input `{min(unknown)}`.")
    folder = given.get("working-directory") or "."
    return [given.get("command") or "", f"--working-directory={folder}", *lines(given.get("arguments") or "")]


def _dispatch(words: Sequence[str], system: System) -> int:
    inputs = os.environ.get("INPUTS", "")
    if words[0] == "action":
        words, inputs = _from_root_action(inputs), ""
    name = words[0]
    if name not in COMMANDS:
        raise UsageError(
            f"`{name}` is no command{_nearest(name, set(COMMANDS))}", remedy="`slipway --help` lists them."
        )
    parser = parser_of(name)
    from_inputs = arguments_from_inputs(parser, inputs) if inputs else []
    arguments = parser.parse_args([*from_inputs, *words[1:]])
    root = Path(arguments.working_directory).resolve()
    if not root.is_dir():
        raise UsageError(
            f"`{arguments.working_directory}` is no folder.", remedy="Name the repository's root."
        )
    if arguments.json:
        system.leave_standard_output()
    from slipway.report import console

    stream = Stream((console.sink(sys.stderr if arguments.json else sys.stdout, os.environ),))
    context = Context(
        environ=os.environ, root=root, system=system, stream=stream, clock=SystemClock(), json=arguments.json
    )
    run = cast("Callable[[argparse.Namespace, Context], int]", command(name).run)
    return run(arguments, context)


def report(error: SlipwayError, system: System) -> None:
    """Show an error once where people look: each mistake at its place, the whole in the summary."""
    for mistake in getattr(error, "mistakes", ()):
        system.annotate("error", mistake.message, file=mistake.file, line=mistake.line, column=mistake.column)
    if not getattr(error, "mistakes", ()):
        system.annotate("error", error.message)
    if error.remedy:
        print(error.remedy, file=sys.stderr)
    remedy = f"\n\n{error.remedy}" if error.remedy else ""
    system.add_summary(f"### ❌ Slipway\n\n{error.message}{remedy}\n")
