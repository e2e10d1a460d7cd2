"""Time passes: every moment up to now is played once, in order."""

from __future__ import annotations

from slipway.rehearsal.emulation import deployment_control, handoffs, native, services, tasks
from slipway.rehearsal.emulation.settings import Timed
from slipway.rehearsal.emulation.world import Task, World


def advance(world: World, now: float) -> None:
    """Bring the world to `now`. The caller holds the lock."""
    runtime = world.runtime
    timed = runtime if isinstance(runtime, Timed) else None
    while timed is not None and now - world.now > world.settings.step and _busy(world):
        _play(world, world.now + world.settings.step, timed)
    _play(world, max(now, world.now), timed)


def _play(world: World, moment: float, timed: Timed | None) -> None:
    world.now = moment
    if timed is not None:
        timed.at(moment)
    handoffs.progress(world)
    tasks.observe(world)
    deployment_control.progress(world)
    native.progress(world)
    # What was decided in this moment moves traffic and tasks at once.
    for service in world.services.values():
        services.reconcile(world, service)


def _busy(world: World) -> bool:
    """Whether anything is on its way; when nothing is, a long pause is played in one step."""
    return (
        bool(world.pushes)
        or any(each.course is not None for each in world.deployments.values())
        or any(each.course is not None for each in world.service_deployments.values())
        or any(_moving(task) for task in world.tasks.values())
        or any(not service.steady for service in world.services.values())
    )


def _moving(task: Task) -> bool:
    return task.status not in {"RUNNING", "STOPPED"}
