"""The engine's clock: the wall's time at the start, carried on by the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["SLEW_DIVISOR", "EngineClock"]

# The engine's time goes at most one part in so many faster or slower than the monotonic clock (5 %).
SLEW_DIVISOR = 20


class EngineClock:
    """Nanoseconds since the Unix epoch that neither jump nor stand still, whatever is done to the wall clock.

    It starts at the wall's time, goes on with the monotonic clock, and nears the wall by at most a twentieth
    of the time that has passed. So a timer of one second takes 0.95 to 1.05 s while the wall clock is set
    forward or back, by a second or a year. A wall clock that was ahead for a time leaves this one ahead by at
    most a twentieth of that time; one that is set back leaves it ahead by as much as it was set back, less a
    twentieth of the time since.

    Parameters
    ----------
    wall_ns
        Nanoseconds since the Unix epoch.
    monotonic_ns
        Nanoseconds that never go back.

    Examples
    --------
    >>> clock = EngineClock()
    >>> clock() < clock()
    True
    """

    def __init__(
        self,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        self._read_ns = monotonic_ns()
        self._engine_ns = wall_ns()
        self._last_ns = 0
        #: The wall's time less the engine's, as of the last reading.
        self.offset_ns = 0

    def __call__(self) -> int:
        """Now. Strictly increasing, also within a nanosecond."""
        monotonic_ns = self._monotonic_ns()
        elapsed_ns = monotonic_ns - self._read_ns
        self._read_ns = monotonic_ns
        engine_ns = self._engine_ns + elapsed_ns
        offset_ns = self._wall_ns() - engine_ns
        slew_ns = elapsed_ns // SLEW_DIVISOR
        slew_ns = max(-slew_ns, min(slew_ns, offset_ns))
        self._engine_ns = engine_ns = engine_ns + slew_ns
        self.offset_ns = offset_ns - slew_ns
        self._last_ns = last_ns = max(self._last_ns + 1, engine_ns)
        return last_ns
