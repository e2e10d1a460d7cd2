"""Moving images by skopeo: argument vectors with flags that 1.9 and newer know, and what is worth a retry."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from slipway.aws.ecr import Repository
from slipway.errors import PublishError
from slipway.process import Finished, Run

ATTEMPTS = 4
PAUSE_SECONDS = 2.0  # before the second attempt, doubled for each after it
SHOWN_LINES = 8
REFUSED = re.compile(
    r"unauthorized|authentication required|denied|no basic auth|forbidden|status(?: code)?:? 40[0134]"
    r"|name unknown|immutable|manifest unknown|manifest invalid|tag invalid|x509|unknown flag|no such file",
    re.IGNORECASE,
)


def upload(archive: Path, repository: Repository, tag: str, *, auth: Path) -> list[str]:
    """Put the image of an OCI archive into a repository, byte for byte, an index with all that it names."""
    return [
        *_copy(auth),
        *_plain("dest", repository),
        f"oci-archive:{archive}",
        f"docker://{repository}:{tag}",
    ]


def tag_again(repository: Repository, digest: str, tag: str, *, auth: Path) -> list[str]:
    """Give an image that is in a repository another tag there."""
    return [
        *_copy(auth),
        *_plain("src", repository),
        *_plain("dest", repository),
        f"docker://{repository}@{digest}",
        f"docker://{repository}:{tag}",
    ]


def download(repository: Repository, digest: str, archive: Path, *, auth: Path) -> list[str]:
    """Get an image of a repository as an OCI archive, byte for byte."""
    return [
        *_copy(auth),
        *_plain("src", repository),
        f"docker://{repository}@{digest}",
        f"oci-archive:{archive}",
    ]


def download_for_engine(
    repository: Repository, digest: str, archive: Path, name: str, *, auth: Path
) -> list[str]:
    """Get an image of a repository as a Docker archive that loads as `name`."""
    return [
        "skopeo",
        "copy",
        "--quiet",
        "--authfile",
        str(auth),
        *_plain("src", repository),
        f"docker://{repository}@{digest}",
        f"docker-archive:{archive}:{name}",
    ]


def _copy(auth: Path) -> list[str]:
    return ["skopeo", "copy", "--quiet", "--all", "--preserve-digests", "--authfile", str(auth)]


def _plain(side: str, repository: Repository) -> list[str]:
    """A registry on this machine is plain HTTP, as in Docker itself; skopeo falls back to it when told."""
    return [f"--{side}-tls-verify=false"] if repository.loopback else []


def persist(run: Run, command: list[str], *, doing: str, sleep: Callable[[float], None]) -> Finished:
    """Run a transfer again while it fails for a reason that passes; blobs that are there aren't sent twice.

    Raises PublishError with what skopeo said last.
    """
    for attempt in range(ATTEMPTS):
        finished = run(command)
        if finished.status == 0:
            return finished
        if REFUSED.search(finished.stderr) or attempt + 1 == ATTEMPTS:
            break
        sleep(PAUSE_SECONDS * 2**attempt)
    tries = f" after {attempt + 1} attempts" if attempt else ""
    said = "\n".join(finished.stderr.strip().splitlines()[-SHOWN_LINES:]) or "(it printed nothing)"
    raise PublishError(f"Could not {doing}{tries}; skopeo said:\n{said}", remedy=_remedy(finished.stderr))


def _remedy(said: str) -> str:
    causes = {
        "policy.json": "skopeo's package brings /etc/containers/policy.json: install it (containers-common).",
        "x509": "The registry's certificate is not trusted here: a proxy in between?",
        "no space left on device": "The disk is full.",
        "denied": (
            "Allow ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart, "
            "ecr:CompleteLayerUpload, ecr:PutImage and ecr:BatchGetImage on the repository to the role of "
            "the job."
        ),
    }
    return next((remedy for cause, remedy in causes.items() if cause in said), "Run it again.")
