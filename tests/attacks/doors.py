"""One client must not stop the others, nor fill the memory."""

from __future__ import annotations

import time

import zmq
from answers import is_accepted, state
from rig import RSS_MIB_MAX, ControlError, Measures, World, attack, grant

# Bytes of one heartbeat, whatever has been sent to the engine.
HEARTBEAT_BYTES_MAX = 100_000
# What a process keeps for each thing that was made up and refused.
REFUSED_BYTES_MAX = 100
FIXTURES_MAX = 5_000
# An answer while images are made all the time waits at most twice as long as ever; or so long, on a machine
# whose quiet figure is smaller than what two more processes on it make of it.
IMAGES_PING_MS_MAX = 1.0


def _memory(measures: Measures, world: World) -> None:
    """The most that the process ever had."""
    measures.most("RSS at most MiB", world.memory_mib("VmHWM"), RSS_MIB_MAX)


def _flood(measures: Measures, mode: str, attackers: int, **options: int) -> None:
    """Subscribers that never stop; another client pings, a bet waits, and a goal falls."""
    with World(book={"bet_delay_ms": 2_500}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        with world.pings(measures, 5.0):
            time.sleep(0.5)
            bet = world.bet(1)
            bet.first()
            floods = [
                world.attacker("subscriptions", "odds", seconds=3.0, mode=mode, **options)
                for _ in range(attackers)
            ]
            time.sleep(1.2)
            world.goal(1, 60_000, 1)
            for flood in floods:
                flood.result(seconds=120)
        decided = bet.decided(seconds=120)
        old = is_accepted(decided) and decided["ticket"]["legs"][0]["score"] == [0, 0]
        measures.most("taken at the old price", int(old), 0)
        _memory(measures, world)
        measures.equal("alive", world.stays_up(), True)


@attack("subscriptions-on-and-off", seconds=200)
def subscriptions_toggle(measures: Measures) -> None:
    """One client of odds subscribes and unsubscribes as fast as it can."""
    _flood(measures, "toggle", 1)


@attack("subscriptions-on-and-off-by-two", seconds=200)
def subscriptions_two(measures: Measures) -> None:
    """Two clients of odds do so."""
    _flood(measures, "toggle", 2)


@attack("subscriptions-to-long-prefixes", seconds=200)
def subscriptions_prefixes(measures: Measures) -> None:
    """Distinct prefixes of 4 kB."""
    _flood(measures, "prefixes", 1, size=4_000)


@attack("user-messages-on-odds", seconds=200)
def subscriptions_user(measures: Measures) -> None:
    """Messages that are no subscriptions at all."""
    _flood(measures, "user", 1)


def _parts(measures: Measures, socket: str, socket_type: str) -> None:
    with World(is_durable=False) as world:
        before = world.memory_mib()
        found = world.attacker("parts", socket, mib=600, socket_type=socket_type).result()
        measures.told(f"{socket}: MiB sent", found["sent_mib"])
        measures.most("RSS grew MiB", world.memory_mib("VmHWM") - before, 128)
        measures.equal("alive", world.stays_up(), True)


@attack("endless-parts-on-orders", seconds=90)
def parts_orders(measures: Measures) -> None:
    """One message of endless parts."""
    _parts(measures, "orders", "DEALER")


@attack("endless-parts-on-snapshot", seconds=90)
def parts_snapshot(measures: Measures) -> None:
    """One message of endless parts."""
    _parts(measures, "snapshot", "DEALER")


@attack("endless-parts-on-ingest", seconds=90)
def parts_ingest(measures: Measures) -> None:
    """One message of endless parts."""
    _parts(measures, "ingest", "PUSH")


@attack("endless-parts-on-odds", seconds=90)
def parts_odds(measures: Measures) -> None:
    """One message of endless parts, from a subscriber."""
    _parts(measures, "odds", "XSUB")


@attack("endless-parts-on-desk", seconds=90)
def parts_desk(measures: Measures) -> None:
    """One message of endless parts, from a subscriber."""
    _parts(measures, "desk", "XSUB")


@attack("images-never-read", seconds=120)
def images_never_read(measures: Measures) -> None:
    """400 times all images of 500 fixtures, and not one is read."""
    with World(is_durable=False) as world:
        world.attacker("fixtures", "ingest", first=1_000, count=500).result()
        world.image_when(1_499, lambda image: image["type"] == "board", seconds=60)
        with world.pings(measures, 6.0):
            world.attacker(
                "requests", "snapshot", request={"type": "images", "request_id": "x"}, count=400, seconds=5.0
            ).result()
        _memory(measures, world)
        measures.most("RSS after it left MiB", world.memory_mib(), RSS_MIB_MAX)


@attack("images-without-end", seconds=120)
def images_without_end(measures: Measures) -> None:
    """A client reads all images of 2,000 fixtures again and again."""
    with World(is_durable=False) as world:
        world.attacker("fixtures", "ingest", first=1_000, count=2_000).result()
        world.image_when(2_999, lambda image: image["type"] == "board", seconds=60)
        # The process has done what it does once after its start.
        time.sleep(2.5)
        quiet, loaded, image_count = [], [], 0
        for _ in range(4):
            quiet.append(world.attacker("pings", "orders", seconds=1.5, every_ms=5.0).result())
            reader = world.attacker("images", "snapshot", seconds=3.0)
            time.sleep(0.7)
            loaded.append(world.attacker("pings", "orders", seconds=1.5, every_ms=5.0).result())
            image_count += reader.result()["images"]
        # Of the rounds that neighbours on the machine disturbed least.
        bound = max(IMAGES_PING_MS_MAX, 2 * min(found["p99_ms"] for found in quiet))
        measures.most("ping p99 ms", min(found["p99_ms"] for found in loaded), bound, is_time=True)
        measures.told("quiet p99", min(found["p99_ms"] for found in quiet))
        measures.told("p50", min(found["p50_ms"] for found in loaded))
        measures.told("quiet p50", min(found["p50_ms"] for found in quiet))
        measures.least("images", image_count, 8_000)
        _memory(measures, world)


@attack("batches-of-queries-never-read", seconds=120)
def batches_never_read(measures: Measures) -> None:
    """Batches of 256 ticket queries on orders, and no answer is read."""
    with World(is_durable=False, book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.announce(1)
        bet = world.bet(1, stake_minor=10)
        bet.decided()
        query = {"type": "ticket", "ticket": bet.request["ticket"]}
        batch = [query | {"request_id": str(k)} for k in range(256)]
        request = {"type": "batch", "request_id": "b", "requests": batch}
        with world.pings(measures, 8.0):
            world.attacker("requests", "orders", request=request, count=14_000, seconds=7.0).result()
        _memory(measures, world)


@attack("batches-of-heavy-queries", seconds=120)
def heavy_batches(measures: Measures) -> None:
    """Ten batches of 256 state hashes, and of 256 exposures, at 500 fixtures."""
    with World(is_durable=False, book={"bet_delay_ms": 0}) as world:
        grant(world)
        world.attacker("fixtures", "ingest", first=1_000, count=500).result()
        world.announce(1)
        with world.pings(measures, 6.0):
            time.sleep(0.5)
            for query in (
                {"type": "state_hash"},
                {"type": "exposure", "scope": {"level": "fixture", "fixture": 1}},
                {"type": "fixtures"},
            ):
                batch = [query | {"request_id": str(k)} for k in range(256)]
                request = {"type": "batch", "request_id": "b", "requests": batch}
                world.attacker(
                    "requests", "orders", request=request, count=10, seconds=1.0, hold_s=0.2
                ).result()
        _memory(measures, world)
        measures.equal("alive", world.stays_up(), True)


@attack("scope-of-a-sport-of-10000", seconds=120)
def set_scope(measures: Measures) -> None:
    """The desk sets the margin of a sport with 10,000 fixtures; the others wait."""
    # Each fixture takes some 50 kB, honestly.
    with World(is_durable=False, sockets={"memory_bytes_max": 2 << 30}) as world:
        world.attacker("fixtures", "ingest", first=1_000, count=10_000).result()
        world.image_when(10_999, lambda image: image["type"] == "board", seconds=90)
        with world.pings(measures, 4.0):
            time.sleep(0.7)
            scope = {"level": "sport", "sport": "football"}
            answer = world.desk("set_scope", scope=scope, margin={"method": "power", "booksum": 1.06})
        measures.equal("set_scope", answer["type"], "done")
        measures.told("RSS at most MiB", world.memory_mib("VmHWM"))


def _messages_while_busy(measures: Measures, bytes_each: int, count: int) -> None:
    """Messages on all three sockets while a long request is worked on; the I/O thread goes on reading."""
    with World(is_durable=False) as world:
        world.attacker("fixtures", "ingest", first=1_000, count=3_000).result()
        world.image_when(3_999, lambda image: image["type"] == "board", seconds=60)
        batch = [{"type": "state_hash", "request_id": str(k)} for k in range(256)]
        for _ in range(2):
            world.send(type="batch", requests=batch)
        for socket, kind in (("ingest", zmq.PUSH), ("orders", zmq.DEALER), ("snapshot", zmq.DEALER)):
            world.attacker("large", socket, kind=kind, bytes_each=bytes_each, count=count, hold_s=8.0)
        time.sleep(8.0)
        _memory(measures, world)
        measures.equal("alive", world.stays_up(), True)


@attack("messages-of-1-mb-while-busy", seconds=120)
def large_messages(measures: Measures) -> None:
    """Messages of 1 MB, 400 on each of ingest, orders and snapshot, while a long request is worked on."""
    _messages_while_busy(measures, 1_000_000, 400)


@attack("messages-of-65-kb-while-busy", seconds=120)
def fitting_messages(measures: Measures) -> None:
    """Messages just below the limit, 8,000 on each socket, while a long request is worked on."""
    _messages_while_busy(measures, 65_000, 8_000)


@attack("300000-source-names", seconds=180)
def source_names(measures: Measures) -> None:
    """300,000 feeds with a message each; a feed that was there before is still heard."""
    with World(sockets={"heartbeat_ms": 1_000}) as world:
        world.announce(1)
        before = world.memory_mib()
        world.attacker("sources", "ingest", count=150_000, seconds=20.0, is_numbered=False).result()
        world.attacker("sources", "ingest", count=150_000, seconds=20.0, is_numbered=True).result()
        world.ask(type="ping", seconds=60)
        time.sleep(3.0)
        world.heartbeat(seconds=60)
        size = 0
        for _ in range(3):
            if world.heartbeats.poll(20_000):
                size = max(size, len(world.heartbeats.recv_multipart()[1]))
        measures.most("heartbeat bytes", size, HEARTBEAT_BYTES_MAX)
        measures.most("RSS grew MiB", world.memory_mib() - before, 64)
        world.announce(2)
        measures.least("alerts", len(world.alert_list()), 1)


@attack("places-of-sources-taken", seconds=60)
def places_of_sources(measures: Measures) -> None:
    """3,000 made-up sources, and a restart; then a new honest feed announces its first match."""
    with World(is_ipc=True) as world:
        world.attacker("sources", "ingest", count=3_000, seconds=10.0, is_numbered=False).result()
        world.restart()
        try:
            world.announce(1, source="honest")
            is_heard = True
        except ControlError:
            is_heard = False
        measures.equal("a new feed is heard", is_heard, True)
        told = " ".join(alert["message"] for alert in world.alert_list())
        measures.equal("the desk is told", is_heard or "honest" in told, True)


@attack("hostile-fixtures", seconds=180)
def hostile_fixtures(measures: Measures) -> None:
    """20,000 fixtures from a feed, where 5,000 are allowed; each takes some 50 kB."""
    with World(is_durable=False, book={"fixtures_max": FIXTURES_MAX}) as world:
        world.attacker("fixtures", "ingest", first=1_000, count=20_000).result(seconds=120)
        world.ask(type="ping", seconds=60)
        count = -1
        for _ in range(60):
            now = world.heartbeat(seconds=60)["fixture_count"]
            if now == count:
                break
            count = now
            time.sleep(0.5)
        measures.most("fixtures", count, FIXTURES_MAX)
        _memory(measures, world)
        measures.least("alerts", len(world.alert_list()), 1)


@attack("refused-tickets", seconds=120)
def refused_tickets(measures: Measures) -> None:
    """Tickets of unknown customers on unknown fixtures: 100,000 are kept, 60,000 more take their place."""
    with World() as world:
        filled = world.attacker("tickets", "orders", count=300_000, mode="tickets", seconds=60.0)
        filled.result(seconds=90)
        before = world.memory_mib()
        measures.most("RSS with all that are kept, MiB", before, 256)
        found = world.attacker("tickets", "orders", count=60_000, mode="tickets", seconds=60.0).result(
            seconds=90
        )
        # What the allocator and the journal's cache keep besides; 60,000 kept tickets would be 42 MiB.
        measures.most("RSS grew MiB with more", world.memory_mib() - before, 24)
        measures.least("refused", found["sent"], 60_000)


@attack("made-up-accounts", seconds=120)
def made_up_accounts(measures: Measures) -> None:
    """100,000 refused withdrawals of customers that never were."""
    with World() as world:
        world.attacker("tickets", "orders", count=5_000, mode="accounts", seconds=20.0).result()
        before = world.memory_mib()
        found = world.attacker("tickets", "orders", count=100_000, mode="accounts", seconds=60.0).result(
            seconds=90
        )
        each = (world.memory_mib() - before) * 1_048_576 / max(1, found["sent"])
        measures.most("bytes kept for each", each, REFUSED_BYTES_MAX)
        measures.least("refused", found["sent"], 100_000)


@attack("malformed-messages", quick=True)
def malformed(measures: Measures) -> None:
    """What is not understood is answered with its code, and nothing else happens."""
    with World(is_durable=False) as world:
        payloads = [b"", b"{", b"[]", b"\xff" * 10, b'{"type":1}', b"[" * 5_000, b'{"a":' * 50, bytes(65_000)]
        payloads += [
            b'{"type":"ping","request_id":"x","request_id":"y"}',
            b'{"type":"ping","request_id":NaN}',
        ]
        payloads += [
            b'{"type":"deposit","request_id":"x","amount_minor":1e999}',
            b" " * 65_537,
            b'"' + b"x" * 66_000,
        ]
        answers = 0
        for payload in payloads:
            world.orders.send(payload)
            world.ingest.send(payload)
        while world.orders.poll(500):
            world.orders.recv_multipart()
            answers += 1
        measures.least("answers", answers, len(payloads) - 2)
        measures.equal("alive", world.stays_up(), True)
        _memory(measures, world)


@attack("silent-connections", seconds=90)
def silent_connections(measures: Measures) -> None:
    """600 connections that never say a word, at 300 descriptors; new clients still get in after they left."""
    with World(is_durable=False, before=("prlimit", "--nofile=300:300")) as world:
        world.match(1)
        silent = world.attacker("connects", "orders", count=600, hold_s=4.0)
        time.sleep(1.0)
        measures.equal("existing client", world.ask(type="ping")["type"], "pong")
        silent.result()
        newcomer = world.socket(zmq.DEALER, "orders")
        start = time.monotonic()
        newcomer.send(b'{"type":"ping","request_id":"new"}')
        measures.equal("new client after they left", bool(newcomer.poll(20_000)), True)
        measures.most("after s", time.monotonic() - start, 20, is_time=True)


@attack("bet-during-a-flood-of-orders", seconds=90)
def flood_of_orders(measures: Measures) -> None:
    """Small requests as fast as they go on orders; a bet waits in play, and a goal falls."""
    with World(book={"bet_delay_ms": 500}) as world:
        grant(world)
        world.match(1)
        world.control(1)
        with world.pings(measures, 4.0):
            flood = world.attacker(
                "requests",
                "orders",
                request={"type": "fixtures", "request_id": "x"},
                count=200_000,
                seconds=3.0,
            )
            time.sleep(0.5)
            bet = world.bet(1)
            is_delayed = state(bet.first()) == "delayed"
            world.goal(1, 60_000, 1)
            flood.result()
        decided = bet.decided(seconds=60)
        old = is_delayed and is_accepted(decided) and decided["ticket"]["legs"][0]["score"] == [0, 0]
        measures.most("taken at the old price", int(old), 0)
        _memory(measures, world)
