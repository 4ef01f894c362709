"""What the guard remembers of addresses."""

import zmq

from oddsengine import _guard
from oddsengine._guard import ADDRESSES_MAX, Allowance, ConnectionGuard

BURST_BYTES = 1_000


def connection_of(address: str) -> _guard._Connection:
    bucket = _guard._Bucket(BURST_BYTES, 1, 0)
    return _guard._Connection("odds", 0, f"{address}:1", address, bucket)


def test_of_too_many_addresses_the_earliest_is_forgotten() -> None:
    """At 10,000 addresses all were forgotten at once, the one that was ended a moment ago among them: whoever
    has a network of addresses gave everybody a clean slate.
    """
    guard = ConnectionGuard(zmq.Context.instance(), memory_bytes_max=1 << 30)
    guard._allowances["odds"] = Allowance(BURST_BYTES, 1, address_burst_bytes=BURST_BYTES)
    addresses = [f"10.0.{number >> 8}.{number & 255}" for number in range(ADDRESSES_MAX + 1)]
    for number, address in enumerate(addresses):
        connection = connection_of(address)
        assert not guard._is_address_spent(connection, 10, number)
        guard._punish(connection, number)
        if number % 1_000 == 0:
            # The first one sends now and then, and is so never the earliest.
            guard._is_address_spent(connection_of(addresses[0]), 1, number)
    assert len(guard._addresses) == len(guard._penalties_ns) == ADDRESSES_MAX
    assert ("odds", addresses[0]) in guard._addresses
    assert ("odds", addresses[1]) not in guard._addresses
    assert ("odds", addresses[0]) not in guard._penalties_ns
    assert all(("odds", address) in guard._penalties_ns for address in addresses[1:])
