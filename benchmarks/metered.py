"""Runs Slipway as an action's step does, and writes the processor's seconds it took to a file.

usage: metered.py FILE WORDS...
"""

import atexit
import json
import resource
import runpy
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def note(file: Path) -> None:
    used = {"own": resource.RUSAGE_SELF, "children": resource.RUSAGE_CHILDREN}
    figures = {name: resource.getrusage(who) for name, who in used.items()}
    file.write_text(json.dumps({name: one.ru_utime + one.ru_stime for name, one in figures.items()}))


atexit.register(note, Path(sys.argv[1]))
sys.argv[:2] = [str(SCRIPTS)]
sys.path.insert(0, str(SCRIPTS))
runpy.run_path(str(SCRIPTS), run_name="__main__")
