"""Copies what a consumer downloads and rewrites `$/path` in it, for tools that don't know that form yet.

`uses: $/actions/plan` means "this file's own repository at the running commit". act takes
`OWNER/NAME/path@REF`; actionlint takes `./path`, and in that form checks our own inputs and outputs.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

SELF = re.compile(r"(?P<key>^[\s-]*(?:&[\w-]+\s+)?uses:\s*)\$/(?P<path>[^\s#]*)", re.MULTILINE)


def rewrite(text: str, *, reference: str = "") -> str:
    """Return `text` with each `uses: $/path` as `OWNER/NAME/path@REF`, or as `./path` without a reference.

    `reference` is `OWNER/NAME@REF`.
    """
    repository, _, ref = reference.partition("@")

    def replace(match: re.Match[str]) -> str:
        path = match["path"]
        form = "/".join(part for part in (repository, path) if part) + f"@{ref}" if reference else f"./{path}"
        return match["key"] + form

    return SELF.sub(replace, text)


def downloaded(tree: Path) -> list[Path]:
    """Return the files, relative to `tree`, that a consumer's runner downloads.

    These are git's files, with what is not committed yet, without what `.gitattributes` keeps out.
    """
    names = _git(tree, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    attributes = _git(tree, "check-attr", "-z", "--stdin", "export-ignore", stdin=_with_folders(names))
    fields = attributes.split("\0")
    ignored = {name for name, value in zip(fields[::3], fields[2::3], strict=False) if value == "set"}
    kept = [name for name in names.split("\0") if name and not ignored & {name, *_folders(name)}]
    return [Path(name) for name in sorted(set(kept)) if (tree / name).is_file()]


def render(tree: Path, target: Path, *, reference: str = "") -> None:
    """Copy what a consumer downloads of `tree` into `target`, with the YAML files rewritten."""
    for name in downloaded(tree):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if name.suffix in {".yml", ".yaml"}:
            text = (tree / name).read_text("utf-8")
            (target / name).write_text(rewrite(text, reference=reference), "utf-8")
        else:
            shutil.copy2(tree / name, target / name)


def _folders(name: str) -> list[str]:
    return [str(folder) for folder in Path(name).parents if str(folder) != "."]


def _with_folders(names: str) -> str:
    files = [name for name in names.split("\0") if name]
    return "\0".join(sorted({entry for name in files for entry in (name, *_folders(name))}))


def _git(tree: Path, *words: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["git", "-C", str(tree), *words], input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout


def main() -> int:
    """Render one tree into an empty folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path, help="an empty folder, made when it isn't there")
    parser.add_argument("--as", dest="reference", default="", metavar="OWNER/NAME@REF", help="for act")
    arguments = parser.parse_args()
    if arguments.target.exists() and any(arguments.target.iterdir()):
        parser.error(f"{arguments.target} is not empty")
    render(Path(__file__).resolve().parent.parent, arguments.target, reference=arguments.reference)
    return 0


if __name__ == "__main__":
    sys.exit(main())
