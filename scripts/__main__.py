"""What a composite action runs: `exec python3 -I scripts COMMAND`.

Checks the Python version in syntax that any Python 3 can read, and sets the boundary for errors.
"""

import os
import sys


def main():
    if sys.version_info < (3, 11):
        found = "%d.%d" % sys.version_info[:2]
        print("::error::Slipway needs Python 3.11 or newer; this runner's python3 is %s." % found)
        print("Add a step with actions/setup-python before it, or set SLIPWAY_PYTHON to a newer interpreter.")
        return 64
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from slipway import cli, install
    from slipway.ci import detect
    from slipway.errors import SlipwayError

    try:
        install.ensure("core")
    except SlipwayError as error:
        cli.report(error, detect(os.environ))
        return int(error.exit_code)
    return cli.main()


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        # Ours, not the user's: no traceback of values that may be secret, only where it happened.
        last = error.__traceback__
        while last.tb_next is not None:
            last = last.tb_next
        place = "%s:%d" % (os.path.basename(last.tb_frame.f_code.co_filename), last.tb_lineno)
        print("::error::Slipway failed by its own fault: %s at %s." % (type(error).__name__, place))
        print("Please report it with this line. SLIPWAY_TRACEBACK=1 shows the whole traceback.")
        if os.environ.get("SLIPWAY_TRACEBACK"):
            raise
        status = 1
    sys.exit(status)
