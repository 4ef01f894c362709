"""Latencies counted in log-linear buckets, as in an HDR histogram."""

from typing import TypedDict

import numpy as np
import numpy.typing as npt

# Buckets within each power of two: a percentile is at most 1/128 above the value that it stands for.
SUB_BITS = 7
VALUE_BITS_MAX = 45  # ten hours in nanoseconds
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}


class Percentiles(TypedDict):
    """A distribution of latencies in microseconds, with the number of values behind it."""

    count: int
    p50: float
    p99: float
    p99_9: float
    max: float


class Histogram:
    """Counts nanoseconds; a value below 0 counts as 0.

    >>> histogram = Histogram()
    >>> for microseconds in range(1, 1001):
    ...     histogram.record(microseconds * 1_000)
    >>> histogram.count, histogram.max_ns
    (1000, 1000000)
    >>> abs(histogram.quantile(0.5) / 500_000 - 1) < 1 / 128
    True
    """

    def __init__(self) -> None:
        self._counts: npt.NDArray[np.int64] = np.zeros((VALUE_BITS_MAX - SUB_BITS + 1) << SUB_BITS, np.int64)
        self.count = 0
        self.max_ns = 0

    def record(self, value_ns: int) -> None:
        """Counts one value."""
        value_ns = max(0, min(value_ns, (1 << VALUE_BITS_MAX) - 1))
        # Below 2^8 every value has its own bucket; from there each power of two has 2^7.
        shift = max(0, value_ns.bit_length() - SUB_BITS - 1)
        self._counts[(shift << SUB_BITS) + (value_ns >> shift)] += 1
        self.count += 1
        self.max_ns = max(self.max_ns, value_ns)

    def quantile(self, share: float) -> int:
        """The upper end of the bucket below or in which `share` of the values lie; 0 without values."""
        if self.count == 0:
            return 0
        rank = min(self.count, int(np.ceil(share * self.count)))
        bucket = int(np.searchsorted(np.cumsum(self._counts), max(1, rank)))
        shift = max(0, (bucket >> SUB_BITS) - 1)
        upper_ns = ((bucket - (shift << SUB_BITS) + 1) << shift) - 1
        return min(upper_ns, self.max_ns)

    def percentiles(self) -> Percentiles:
        """The percentiles of a report, in microseconds."""
        p50, p99, p99_9 = (round(self.quantile(share) / 1_000, 1) for share in QUANTILES.values())
        return {
            "count": self.count,
            "p50": p50,
            "p99": p99,
            "p99_9": p99_9,
            "max": round(self.max_ns / 1_000, 1),
        }
