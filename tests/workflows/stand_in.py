"""Stands in for Slipway's own Python in tests of the workflows' order: records what is asked, answers.

Run as SLIPWAY_PYTHON: `stand_in.py -I …/scripts COMMAND`. Answers come from the JSON file in ANSWERS:
{"plan": {OUTPUTS}, "fail": ["publish staging web"], "wait": ["publish staging web"]}.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    """Play one command."""
    words = sys.argv[2:]
    if words[0].endswith("collect.py"):
        os.execv(sys.executable, [sys.executable, "-I", *words])  # noqa: S606
    command, inputs = words[1], json.loads(os.environ["INPUTS"])
    parts = (command, inputs.get("environment"), inputs.get("component"), *words[2:])
    asked = " ".join(part for part in parts if part)
    record(asked, inputs)
    answers = json.loads(Path(os.environ["ANSWERS"]).read_text("utf-8"))
    write(answers["plan"] if command == "plan" else OUTPUTS[command](inputs))
    if asked in answers.get("wait", []):
        time.sleep(60)
    return int(asked in answers.get("fail", []))


def record(asked: str, inputs: dict[str, str]) -> None:
    """Add one line; a line this short is written whole."""
    names = ("SLIPWAY_VARIABLES", "DEPLOY_AWS_ACCESS_KEY_ID", "DEPLOY_AWS_ROLE_ARN", "SLACK_BOT_TOKEN")
    seen = {name: os.environ[name] for name in names if os.environ.get(name)}
    line = json.dumps({"asked": asked, "inputs": inputs, "environ": seen})
    with Path(os.environ["RECORD"]).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def build(inputs: dict[str, str]) -> dict[str, str]:
    """Leave an archive and its record, as `slipway build` does."""
    component = inputs["component"]
    folder = Path(os.environ["RUNNER_TEMP"]) / "built" / component
    folder.mkdir(parents=True)
    (folder / f"{component}.oci.tar").write_text(component)
    (folder / f"{component}.json").write_text(
        json.dumps({"component": component, "digest": f"sha256:{component}"})
    )
    return {"artifact": str(folder), "image-digest": f"sha256:{component}"}


def publish(inputs: dict[str, str]) -> dict[str, str]:
    """Say which archive this job was given."""
    folder = Path(inputs["artifacts"])
    digest = "sha256:none"
    if folder.is_dir():
        digest = json.loads((folder / f"{inputs['component']}.json").read_text())["digest"]
    return {"outcome": "healthy", "image-digest": digest, "url": "https://example.org"}


def nothing(_inputs: dict[str, str]) -> dict[str, str]:
    """Answer nothing."""
    return {}


OUTPUTS = {"build": build, "publish": publish, "test": nothing, "rollback": nothing}


def write(outputs: dict[str, str]) -> None:
    """Give outputs to later steps."""
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs.items())


if __name__ == "__main__":
    sys.exit(main())
