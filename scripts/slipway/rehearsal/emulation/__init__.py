"""AWS on this machine: moto's server in process, with what it lacks, and tasks that really run.

    emulation = start(runtime=ScriptedRuntime(clock=clock), clock=clock)
    seeded = seed(emulation, Application(cluster="staging-cluster", service="staging-web", …))
    os.environ["AWS_ENDPOINT_URL"] = emulation.url

moto is imported by `start`, not before.
"""

from __future__ import annotations

from slipway.clock import Clock, SystemClock
from slipway.rehearsal.emulation.calls import Call
from slipway.rehearsal.emulation.faults import Fault
from slipway.rehearsal.emulation.seed import Application, Seeded, seed, wait_until_steady
from slipway.rehearsal.emulation.server import Emulation
from slipway.rehearsal.emulation.settings import Handoff, RegistryReader, Settings, Trust
from slipway.rehearsal.runtime import Runtime

__all__ = [
    "Application",
    "Call",
    "Emulation",
    "Fault",
    "Handoff",
    "RegistryReader",
    "Seeded",
    "Settings",
    "Trust",
    "seed",
    "start",
    "wait_until_steady",
]


def start(
    *,
    runtime: Runtime,
    clock: Clock | None = None,
    registry: RegistryReader | None = None,
    port: int = 0,
    settings: Settings | None = None,
) -> Emulation:
    """Start the emulated AWS on loopback; it runs until `stop`.

    Without a `clock`, or with the machine's, time passes by itself; with another, at each call.
    """
    emulation = Emulation(
        runtime=runtime, clock=clock or SystemClock(), registry=registry, settings=settings or Settings()
    )
    emulation.serve(port)
    return emulation
