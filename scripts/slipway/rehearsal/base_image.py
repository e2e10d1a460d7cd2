"""A base image for a machine that can't pull one: Python from the machine's own Debian or Ubuntu packages.

No root is needed: apt resolves and downloads into a folder of ours, dpkg-deb unpacks, and the engine
imports the folder. The image is kept under a name made from the packages' versions.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from slipway import process
from slipway.errors import ToolError

NAME = "slipway-rehearsal/base"
PACKAGES = (
    "base-files",
    "ca-certificates",
    "dash",
    "busybox",
    "netbase",
    "python3-minimal",
    "libpython3-stdlib",
)
# Only what unpacking needs to leave out: tools that no container of ours runs, and their size.
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian")
APPLETS = ("cat", "cp", "env", "id", "ls", "mkdir", "mv", "ps", "rm", "sed", "sleep", "wget")
QUICK = "4s"  # within which a registry has to answer before we call it out of reach
LISTS = "slipway.package-lists"  # label: the state of the lists that the packages were resolved from
VERSION = "3"  # of how the folder is made


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base image that the build can use. `made` says that we made it; `note` tells people why."""

    name: str
    made: bool
    note: str


def choose(wanted: str, *, run: process.Run = process.run) -> Base:
    """Return `wanted` where the engine has it or can pull it, and otherwise one that we make.

    Raises ToolError when neither is possible.
    """
    if present(wanted, run=run):
        return Base(name=wanted, made=False, note=f"{wanted} is on this machine")
    refusal = unreachable(wanted, run=run)
    if not refusal:
        pulled = run(["docker", "pull", "--quiet", wanted])
        if pulled.status == 0:
            return Base(name=wanted, made=False, note=f"{wanted} was pulled")
        refusal = pulled.stderr.strip().splitlines()[-1] if pulled.stderr.strip() else "the pull failed"
    name = make(run=run)
    return Base(name=name, made=True, note=f"{wanted} can't be pulled here ({refusal}); {name} stands in")


def present(image: str, *, run: process.Run = process.run) -> bool:
    """Whether the engine has the image."""
    return run(["docker", "image", "inspect", "--format", "{{.Id}}", image]).status == 0


def unreachable(image: str, *, run: process.Run = process.run) -> str:
    """Return why the image's registry does not give it, asked once and briefly; empty when it does."""
    asked = run(["skopeo", f"--command-timeout={QUICK}", "inspect", "--raw", f"docker://{image}"])
    if asked.status == 0:
        return ""
    # skopeo nests its reasons, the most useful last.
    reason = re.sub(r'^.*msg="?', "", asked.stderr.strip().splitlines()[-1] if asked.stderr.strip() else "")
    return reason.strip('"').rpartition(": ")[2] or "no answer"


def make(*, run: process.Run = process.run) -> str:
    """Make the base image, or find the one that was made of the same packages; returns its name.

    Raises ToolError where apt and dpkg are missing or the packages can't be had.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ToolError(
            "No base image can be pulled, and this machine has no apt-get to make one from packages.",
            remedy="Rehearse on Debian or Ubuntu, or load a base image first (docker load) and name it: "
            "--build-arg BASE=IMAGE.",
        )
    lists = _state_of_lists()
    if known := _made_from(lists, run):
        return known
    with tempfile.TemporaryDirectory(prefix="slipway-base-") as temporary:
        apt = _Apt(Path(temporary), run)
        listed = apt.listed()
        name = f"{NAME}:{hashlib.sha256(f'{VERSION} {listed}'.encode()).hexdigest()[:16]}"
        if not present(name, run=run):
            tree = Path(temporary) / "tree"
            _unpack(apt.download(), tree)
            _finish(tree)
            _import(tree, name, lists)
        return name


def _state_of_lists() -> str:
    """Name the state of the machine's package lists: while they stay, so does what apt would resolve."""
    lists = Path("/var/lib/apt/lists")
    stats = [(path.name, path.stat()) for path in sorted(lists.glob("*")) if path.is_file()]
    text = "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    return hashlib.sha256(f"{VERSION} {PACKAGES} {text}".encode()).hexdigest()[:16]


def _made_from(lists: str, run: process.Run) -> str:
    """Return the base image that was made from these lists; empty when there is none."""
    form = "{{.Repository}}:{{.Tag}}"
    done = run(["docker", "image", "ls", "--filter", f"label={LISTS}={lists}", "--format", form, NAME])
    return next(iter(done.stdout.split()), "")


class _Apt:
    """apt with a state of our own: nothing counts as installed, and nothing of the machine's is written."""

    def __init__(self, folder: Path, run: process.Run) -> None:
        self._run = run
        self._archives = folder / "archives"
        (self._archives / "partial").mkdir(parents=True)
        self._lists = folder / "lists"
        (self._lists / "partial").mkdir(parents=True)
        status = folder / "status"
        status.touch()
        self._options = [
            "--option=Debug::NoLocking=true",
            f"--option=Dir::State::status={status}",
            f"--option=Dir::Cache::archives={self._archives}",
            f"--option=Dir::Cache::pkgcache={folder / 'pkgcache.bin'}",
            f"--option=Dir::Cache::srcpkgcache={folder / 'srcpkgcache.bin'}",
            "--option=APT::Sandbox::User=",  # our folder is private; apt's own user couldn't write there
            "--option=Acquire::Retries=2",
            "--option=Acquire::http::Timeout=15",
            "--no-install-recommends",
            "--assume-yes",
            "--quiet=2",
        ]

    def listed(self) -> str:
        """Return the names and hashes of the packages that are needed, one per line."""
        done = self._install("--print-uris")
        if done.status != 0 or not done.stdout.strip():
            # A fresh machine has no package lists, or old ones: fetch our own.
            self._options.append(f"--option=Dir::State::lists={self._lists}")
            self._checked(self._run(["apt-get", *self._options, "update"]), "update its package lists")
            done = self._checked(self._install("--print-uris"), "resolve the packages of a base image")
        rows = (line.split() for line in done.stdout.splitlines() if line.startswith("'"))
        return "\n".join(sorted(row[1] for row in rows))

    def download(self) -> list[Path]:
        """Download the packages and return their files."""
        done = self._install("--download-only")
        if done.status != 0:
            self._options.append(f"--option=Dir::State::lists={self._lists}")
            self._checked(self._run(["apt-get", *self._options, "update"]), "update its package lists")
            self._checked(self._install("--download-only"), "download the packages of a base image")
        return sorted(self._archives.glob("*.deb"))

    def _install(self, word: str) -> process.Finished:
        return self._run(["apt-get", *self._options, word, "install", *PACKAGES])

    def _checked(self, done: process.Finished, doing: str) -> process.Finished:
        if done.status != 0:
            said = done.stderr.strip().splitlines()
            raise ToolError(
                f"apt-get could not {doing}: {said[-1] if said else 'no reason given'}",
                remedy="Check that the machine reaches its package mirror (apt-get update), or load a base "
                "image and name it: --build-arg BASE=IMAGE.",
            )
        return done


def _unpack(archives: list[Path], tree: Path) -> None:
    # One tree for /bin and /usr/bin, made before anything is unpacked, so that packages of both layouts
    # fit; `dpkg-deb --extract` would put a folder in the link's place, tar can be told to follow it.
    for folder in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / folder).mkdir(parents=True)
        (tree / folder).symlink_to(f"usr/{folder}")
    for archive in archives:
        _piped(
            ["dpkg-deb", "--fsys-tarfile", str(archive)],
            ["tar", "--extract", "--keep-directory-symlink", "--no-same-owner", f"--directory={tree}"],
            doing=f"unpacking {archive.name}",
        )


def _finish(tree: Path) -> None:
    """Do what the packages' own scripts would: names for programs, users, certificates."""
    for folder in UNWANTED:
        shutil.rmtree(tree / folder, ignore_errors=True)
    programs = tree / "usr" / "bin"
    for name, target in [("sh", "dash"), ("python", "python3"), *((name, "busybox") for name in APPLETS)]:
        if not (programs / name).exists() and not (programs / name).is_symlink():
            (programs / name).symlink_to(target)
    (tree / "tmp").mkdir(exist_ok=True)
    (tree / "tmp").chmod(0o1777)
    etc = tree / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    )
    (etc / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    certificates = sorted((tree / "usr/share/ca-certificates").rglob("*.crt"))
    (etc / "ssl/certs").mkdir(parents=True, exist_ok=True)
    (etc / "ssl/certs/ca-certificates.crt").write_text("".join(path.read_text() for path in certificates))


def _import(tree: Path, name: str, lists: str) -> None:
    changes = ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["python3"]']
    changes.append(f"LABEL {LISTS}={lists}")
    _piped(
        ["tar", "--create", "--owner=0", "--group=0", "--numeric-owner", f"--directory={tree}", "."],
        ["docker", "import", *(f"--change={change}" for change in changes), "-", name],
        doing="importing the base image",
    )


def _piped(first: list[str], second: list[str], *, doing: str) -> None:
    """Run `first` into `second`; raises ToolError when either fails."""
    with subprocess.Popen(first, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        sink = subprocess.run(second, stdin=source.stdout, capture_output=True, text=True, check=False)
    if source.returncode != 0 or sink.returncode != 0:
        raise ToolError(f"{doing} failed: {sink.stderr.strip() or first[0]}", remedy="Is the disk full?")


def bases(dockerfile: Path, arguments: dict[str, str]) -> tuple[str, ...]:
    """Return the images that a Dockerfile starts from, its ARG defaults and `arguments` filled in.

    Stages of its own, `scratch`, and names that a build-time value would complete are left out.
    """
    values: dict[str, str] = {}
    found: list[str] = []
    stages = {"scratch"}
    for line in re.sub(r"\\\s*\n", " ", dockerfile.read_text(errors="replace")).splitlines():
        words = line.split()
        if not words or line.lstrip().startswith("#"):
            continue
        if words[0].upper() == "ARG" and not found:
            for word in words[1:]:
                key, _, default = word.partition("=")
                values[key] = arguments.get(key, default.strip("\"'"))
        if words[0].upper() == "FROM":
            image, *rest = [word for word in words[1:] if not word.startswith("--")]
            image = re.sub(r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda m: values.get(m[1]) or m[2] or "", image)
            if image and image.lower() not in stages:
                found.append(image)
            if len(rest) == 2 and rest[0].upper() == "AS":  # noqa: PLR2004
                stages.add(rest[1].lower())
    return tuple(dict.fromkeys(found))
