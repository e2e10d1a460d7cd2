"""The text of the files that `slipway init` writes. The comments teach."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from textwrap import indent

from slipway.commands.adoption.proposal import REPOSITORY, Component, Proposal
from slipway.commands.adoption.workflows import WRITTEN

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
UPLOAD = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"
_PERMISSIONS = "    permissions: {contents: read, id-token: write}\n"
_PLAIN = re.compile(r"[A-Za-z0-9_./][\w./ =-]*")


def configuration(proposal: Proposal) -> str:
    """Return slipway.yml."""
    parts = ["# What this repository publishes. `slipway plan` says what that means; it writes nothing.\n"]
    parts.append("components:\n" + "".join(_component(one) for one in proposal.components))
    parts.append(
        "\nenvironments:\n"
        "  # What a merge to the default branch publishes to, in order; others are published to by hand.\n"
        f"  order: [{', '.join(proposal.order)}]\n"
    )
    parts += [f"  {name}: {{region: {proposal.region}}}\n" for name in proposal.order if proposal.region]
    if proposal.suites:
        suites = "".join(f"  {name}: {_command(run, 4)}\n" for name, run in proposal.suites)
        parts.append(
            "\n# They run before anything is built; `slipway test` runs them here too.\nsuites:\n" + suites
        )
    return "".join(parts)


def _component(component: Component) -> str:
    build = component.image.build
    image = {"dockerfile": build.dockerfile, "context": build.context, "target": build.target}
    given = {key: value for key, value in image.items() if value not in {"", ".", "Dockerfile"}}
    rows = [f"  {component.name}:", f"    kind: {component.kind}"]
    if given or build.build_args:
        rows.append("    image:")
        rows += [f"      {key}: {_scalar(value)}" for key, value in given.items()]
        rows += ["      build-args:"] if build.build_args else []
        rows += [f"        {key}: {_scalar(value)}" for key, value in build.build_args.items()]
    if component.before:
        rows.append(f"    before: {_command(component.before, 6)} # runs once, before the build")
    rows.append("    # Set in each environment's settings, as a variable or a secret.")
    rows.append(f"    repository: {component.image.repository or REPOSITORY}")
    if component.image.tags:
        rows.append(
            f"    tags: [{', '.join(component.image.tags)}] # moved beside the immutable sha-<commit>"
        )
    rows += list(_deploy(component))
    return "\n".join(rows) + "\n"


def _deploy(component: Component) -> Iterator[str]:
    if component.kind == "task":
        yield "    # Task definitions that use this image are updated; `services:` names those that stay up."
        return
    yield "    deploy:"
    yield '      cluster: "{environment}-cluster" # what ECS calls them in each environment'
    yield f'      service: "{{environment}}-{component.name}"'
    if component.handoff:
        yield f"      handoff: {component.handoff} # AWS starts it on the push; Slipway follows"


def publish(proposal: Proposal, uses: str) -> str:
    """Return the workflow that publishes; `uses` is `OWNER/NAME`, `@REF` and a comment."""
    # Jobs that run the repository's own code beside ours may not ask for an identity token.
    others = bool(proposal.own_tests) or proposal.per_environment
    head = (
        f"{WRITTEN}\n"
        "name: Publish\n"
        "on:\n"
        f"  push: {{branches: [{_flow(proposal.branch)}]}}\n"
        "  workflow_dispatch: {inputs: {environment: {type: environment, required: true}}}\n"
        f"permissions: {{contents: read{'' if others else ', id-token: write'}}}\n"
        "jobs:\n"
    )
    if proposal.per_environment:
        return head + _own_tests(proposal) + _own_jobs(proposal, uses)
    needs = _needs(proposal)
    given = [
        'environment: "${{ inputs.environment }}"',
        *(["tests: false"] if needs and not proposal.suites else []),
    ]
    secrets = "".join(f"      {ours}: ${{{{ secrets.{theirs} }}}}\n" for ours, theirs in proposal.secrets)
    called = (
        "  publish:\n"
        + needs
        + (_PERMISSIONS if others else "")
        + f"    uses: {_at(uses, '.github/workflows/publish.yml')}\n"
        + f"    with: {{{', '.join(given)}}}\n"
        + f"    secrets:\n{secrets}"
    )
    return head + _own_tests(proposal) + called


def test(proposal: Proposal, uses: str) -> str:
    """Return the workflow that tests."""
    branches = ", ".join(dict.fromkeys((_flow(proposal.branch), "develop")))
    head = (
        f"{WRITTEN}\n"
        "name: Test\n"
        "on:\n"
        "  pull_request:\n"
        "  merge_group:\n"
        f"  push: {{branches: [{branches}]}}\n"
        "permissions: {contents: read}\n"
        "jobs:\n"
    )
    called = _at(uses, ".github/workflows/test.yml")
    ours = f"  {_suites_job(proposal)}:\n    uses: {called}\n" if proposal.suites else ""
    return head + (_own_tests(proposal) + ours if ours or proposal.own_tests else ours or _no_tests(uses))


def _no_tests(uses: str) -> str:
    called = _at(uses, ".github/workflows/test.yml")
    return f"  test: # names no suite yet: add `suites:` to slipway.yml\n    uses: {called}\n"


def _own_tests(proposal: Proposal) -> str:
    """The jobs that stay the repository's own, as they were written."""
    texts = []
    for job in proposal.own_tests:
        # What they waited for has gone to slipway.yml.
        text = re.sub(r"^\s+needs:.*(?:\n\s+- .*)*\n", "", job.text + "\n", flags=re.MULTILINE)
        texts.append(indent(text, "  "))
    return "".join(texts)


def _suites_job(proposal: Proposal) -> str:
    return "suites" if any(job.name == "test" for job in proposal.own_tests) else "test"


def _needs(proposal: Proposal) -> str:
    names = ", ".join(job.name for job in proposal.own_tests)
    return f"    needs: [{names}]\n" if names else ""


def _own_jobs(proposal: Proposal, uses: str) -> str:
    """Jobs of the repository's own: secrets of other names exist only where a job takes the environment."""
    names = ", ".join(component.name for component in proposal.components)
    settings = "".join(
        f"          {ours}: ${{{{ secrets.{theirs} }}}}\n"
        for ours, theirs in (*proposal.secrets, *_registries(proposal))
    )
    suites = _suites_job(proposal)
    test = (
        f"  {suites}:\n"
        "    runs-on: ubuntu-24.04\n"
        "    timeout-minutes: 60\n"
        "    steps:\n"
        f"      - uses: {CHECKOUT}\n"
        "        with: {persist-credentials: false}\n"
        f"      - uses: {_at(uses, 'actions/run-tests')}\n"
        if proposal.suites
        else ""
    )
    waits = ", ".join([*(job.name for job in proposal.own_tests), *([suites] if test else [])])
    build = (
        "  build: # once; every environment gets the same digest\n"
        + (f"    needs: [{waits}]\n" if waits else "")
        + "    runs-on: ubuntu-24.04\n"
        "    timeout-minutes: 90\n"
        f"    strategy: {{matrix: {{component: [{names}]}}}}\n"
        "    steps:\n"
        f"      - uses: {CHECKOUT}\n"
        "        with: {persist-credentials: false}\n"
        f"      - uses: {_at(uses, 'actions/build-image')}\n"
        '        with: {component: "${{ matrix.component }}", output: "${{ runner.temp }}/built"}\n'
        f"      - uses: {UPLOAD}\n"
        '        with: {name: "slipway-${{ matrix.component }}", path: "${{ runner.temp }}/built", '
        "overwrite: true}\n"
    )
    return test + build + "".join(_environment_jobs(proposal, uses, names, settings))


def _environment_jobs(proposal: Proposal, uses: str, names: str, settings: str) -> Iterator[str]:
    before = "build"
    # By hand one environment is chosen; a push goes through the order.
    slots = [("publish", "${{ inputs.environment }}", "workflow_dispatch")]
    slots += [(name, name, "push") for name in proposal.order]
    for job, environment, event in slots:
        yield (
            f"  {job}:\n"
            f"    if: github.event_name == '{event}'\n"
            f"    needs: {before if event == 'push' else 'build'}\n"
            "    runs-on: ubuntu-24.04\n"
            "    timeout-minutes: 180\n"
            f"{_PERMISSIONS}"
            f"    environment: {environment}\n"
            f"    concurrency: slipway-{environment}-${{{{ matrix.component }}}}\n"
            f"    strategy: {{fail-fast: false, matrix: {{component: [{names}]}}}}\n"
            "    steps:\n"
            f"      - uses: {CHECKOUT}\n"
            "        with: {persist-credentials: false}\n"
            f"      - uses: {DOWNLOAD}\n"
            '        with: {name: "slipway-${{ matrix.component }}", path: "${{ runner.temp }}/built"}\n'
            f"      - uses: {_at(uses, 'actions/deploy-application')}\n"
            "        env:\n"
            "          SLIPWAY_VARIABLES: ${{ toJSON(vars) }}\n"
            f"{settings}"
            "        with:\n"
            f"          environment: {environment}\n"
            "          component: ${{ matrix.component }}\n"
            "          artifacts: ${{ runner.temp }}/built\n"
        )
        before = job if event == "push" else before


def _registries(proposal: Proposal) -> Iterator[tuple[str, str]]:
    """Names that slipway.yml uses as `${NAME}` and that only this form passes."""
    declared = {ours for ours, _ in proposal.secrets}
    for component in proposal.components:
        for name in re.findall(r"\$\{(\w+)\}", component.image.repository or REPOSITORY):
            if name not in declared:
                declared.add(name)
                yield name, name


def _at(uses: str, path: str) -> str:
    repository, _, ref = uses.partition("@")
    return f"{repository}/{path}@{ref}"


def _command(text: str, width: int) -> str:
    if "\n" in text:
        return "|\n" + indent(text, " " * width)
    return _scalar(text)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in {"true", "false", "null", "yes", "no", "on", "off"}:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _flow(text: str) -> str:
    """Write a text inside `[…]`, where some characters end it."""
    return text if re.fullmatch(r"[A-Za-z][\w./-]*", text) else json.dumps(text, ensure_ascii=False)
