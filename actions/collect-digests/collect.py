# ruff: noqa: INP001  (a script beside its action, in no package)
"""Gathers the records of what each matrix job built into the one output `digests`.

It needs nothing but the standard library, so that the job that runs it installs nothing.
"""

import json
import os
import sys
from pathlib import Path


def digests(folder: Path) -> dict[str, str]:
    """Return component -> digest, by name, from every record (`*.json`) below `folder`."""
    records = [json.loads(path.read_text("utf-8")) for path in folder.rglob("*.json")]
    return {
        record["component"]: record["digest"] for record in sorted(records, key=lambda one: one["component"])
    }


def main() -> int:
    """Write the output; fail when the folder holds no record."""
    folder = Path(json.loads(os.environ["INPUTS"])["records"])
    found = digests(folder)
    if not found:
        print(f"::error::`{folder}` holds no record of a build; did the build jobs upload theirs?")
        return 1
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"digests={json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
