"""The waiter of the official deploy action, simulated from its published behaviour.

AWS SDK for JavaScript v3, `createWaiter` with minDelay 15 s and maxDelay 120 s: the first check is at once;
attempt n then waits a whole random time between 15 s and 15 * 2^(n-1) s, and 120 s from the attempt on at
which that would pass 120 s.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

MINIMUM_SECONDS = 15
MAXIMUM_SECONDS = 120


def check_times(chance: random.Random) -> Iterator[float]:
    """Yield the times, in seconds from the start of waiting, at which the waiter looks."""
    ceiling = math.log(MAXIMUM_SECONDS / MINIMUM_SECONDS) / math.log(2) + 1
    now, attempt = 0.0, 1
    while True:
        yield now
        if attempt > ceiling:
            now += MAXIMUM_SECONDS
        else:
            now += chance.randint(MINIMUM_SECONDS, MINIMUM_SECONDS * 2 ** (attempt - 1))
        attempt += 1


def lag(length: float, chance: random.Random) -> float:
    """Return how many seconds after a deployment of `length` seconds the waiter knows that it ended."""
    return next(time for time in check_times(chance) if time >= length) - length
