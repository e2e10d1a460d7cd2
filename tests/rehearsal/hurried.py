"""Runs Slipway as an action's step does, on a clock ten times faster and with little patience for silence.

Only waiting is shortened: what is called, in which order, with which retries, is the shipped code's.
"""

import runpy
import sys
import time
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from slipway import clock  # noqa: E402
from slipway.aws import session  # noqa: E402

sleep = time.sleep
clock.SystemClock.sleep = lambda _self, seconds: sleep(seconds / 10)  # type: ignore[method-assign]
session.Aws.__init__.__kwdefaults__["read_timeout"] = 0.7
sys.argv[0] = str(SCRIPTS)
runpy.run_path(str(SCRIPTS), run_name="__main__")
