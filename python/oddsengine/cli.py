"""The command line: ``oddsengine serve``, ``replay``, ``verify`` and what else ``--help`` lists."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddsengine import __version__, _projection_cli
from oddsengine._exit import (
    EXIT_DAMAGED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_RECORD,
    exit_code_of,
)
from oddsengine.exceptions import JournalError, OddsEngineError

if TYPE_CHECKING:
    from oddsengine.config import Settings

__all__ = ["main"]

# Width of a table that is not shown on a terminal.
PIPE_WIDTH = 240

EXAMPLES = """\
examples:
  oddsengine demo                                    play the group stage of a World Cup, with customers
  oddsengine serve --config oddsengine.toml          run the engine
  oddsengine serve --memory                          run it with defaults, keep nothing
  oddsengine replay match.jsonl                      run a recorded feed through an engine
  oddsengine replay match.jsonl --to tcp://127.0.0.1:5550 --speed 60
                                                     feed a running engine, a minute a second
  oddsengine verify journal.db                       prove that a journal is whole, and replay it
  oddsengine compact journal.db                      seal old records into segment files
  oddsengine anchor journal.db                       print SEQ:HASH, to be kept on another host
  oddsengine backup journal.db /backup/journal.db    copy it, also while the engine runs
  oddsengine show journal.db ticket 0123456789abcdef0123456789abcdef
  oddsengine follow --journal journal.db             keep tables of it that SQL can ask
  oddsengine sql --journal journal.db "SELECT * FROM turnover"
  oddsengine quarantine journal.db --list            records that replay leaves out
  oddsengine keygen server                           make keys for encrypted connections
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(with_demo=given[:1] == ["demo"])
    options = parser.parse_args(given)
    try:
        return int(options.run(options))
    except (OddsEngineError, ValueError, RuntimeError, OSError) as error:
        print(f"oddsengine: {error}", file=sys.stderr)
        return exit_code_of(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _parser(*, with_demo: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oddsengine",
        description="A sportsbook odds and risk engine: prices, bets, settlement, journal.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"oddsengine {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    serve = verbs.add_parser("serve", help="run the engine", description=_serve.__doc__)
    serve.add_argument("--config", type=Path, metavar="FILE", help="a TOML file, see docs/config.md")
    where = serve.add_mutually_exclusive_group()
    where.add_argument(
        "--journal", type=Path, metavar="FILE", help="the journal, instead of the one configured"
    )
    where.add_argument("--memory", action="store_true", help="no journal: everything is lost at the end")
    serve.add_argument(
        "--must-exist", action="store_true", help="end with status 2 instead of making a new journal"
    )
    serve.add_argument(
        "--anchor",
        type=_anchor,
        metavar="FILE|SEQ:HASH",
        help="a link that must be in the journal, as `oddsengine anchor` printed it; implies --must-exist",
    )
    serve.add_argument(
        "--ready-fd", type=int, metavar="N", help="write the ready line to this descriptor as well"
    )
    serve.add_argument("--ready-file", type=Path, metavar="FILE", help="a file that is there while it serves")
    serve.set_defaults(run=_serve)

    replay = verbs.add_parser("replay", help="run a recorded feed", description=_replay.__doc__)
    replay.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="feed messages, one JSON object a line"
    )
    replay.add_argument(
        "--config", type=Path, metavar="FILE", help="settings of the engine; defaults if absent"
    )
    replay.add_argument(
        "--speed", type=_speed, metavar="N", help="N times as fast as it happened; at once if absent"
    )
    replay.add_argument("--to", metavar="ENDPOINT", help="push it to a running engine instead")
    replay.add_argument("--json", action="store_true", help="print one JSON object")
    replay.set_defaults(run=_replay)

    verify = verbs.add_parser("verify", help="prove that a journal is whole", description=_verify.__doc__)
    verify.add_argument("journal", type=Path, metavar="JOURNAL")
    verify.add_argument(
        "--anchor",
        type=_anchor,
        metavar="FILE|SEQ:HASH",
        help="a link that must be in it, as `oddsengine anchor` printed it",
    )
    verify.add_argument(
        "--redecide",
        action="store_true",
        help="decide every command anew and compare: what this release would decide otherwise",
    )
    _add_segments(verify)
    verify.add_argument("--json", action="store_true", help="print one JSON object")
    verify.set_defaults(run=_verify)

    audit = verbs.add_parser(
        "audit", help="settle a journal anew and tell what differs", description=_audit.__doc__
    )
    audit.add_argument("what", choices=("settlements",), help="what is looked at")
    audit.add_argument("journal", type=Path, metavar="JOURNAL", help="a journal, or its projection in SQLite")
    audit.add_argument("--json", action="store_true", help="print one JSON object")
    audit.set_defaults(run=_audit)

    compact = verbs.add_parser(
        "compact", help="seal old records into segment files", description=_compact.__doc__
    )
    compact.add_argument("journal", type=Path, metavar="JOURNAL")
    compact.add_argument("--before-seq", type=_record, metavar="N", help="only what lies before this record")
    compact.add_argument(
        "--before-day",
        type=_day_ns,
        metavar="YYYY-MM-DD",
        help="only what was committed before this day, UTC",
    )
    _add_segments(compact)
    compact.add_argument("--json", action="store_true", help="print one JSON object")
    compact.set_defaults(run=_compact)

    archive = verbs.add_parser(
        "archive", help="have the archive of tickets made anew", description=_archive.__doc__
    )
    archive.add_argument("journal", type=Path, metavar="JOURNAL")
    archive.add_argument("--rebuild", action="store_true", required=True, help="by the next start")
    archive.set_defaults(run=_archive)

    anchor = verbs.add_parser(
        "anchor", help="print the last acknowledged link", description=_print_anchor.__doc__
    )
    anchor.add_argument("journal", type=Path, metavar="JOURNAL")
    anchor.set_defaults(run=_print_anchor)

    quarantine = verbs.add_parser(
        "quarantine", help="take a record out of replay", description=_quarantine.__doc__
    )
    quarantine.add_argument("journal", type=Path, metavar="JOURNAL")
    quarantine.add_argument("--record", type=_record, metavar="N", help="its number")
    quarantine.add_argument("--by", metavar="NAME", help="who decides it")
    quarantine.add_argument("--reason", metavar="TEXT", help="why")
    quarantine.add_argument("--force", action="store_true", help="also a record that can be applied")
    what = quarantine.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show what is quarantined")
    what.add_argument("--release", action="store_true", help="take the record back into replay")
    quarantine.add_argument("--json", action="store_true", help="print JSON")
    quarantine.set_defaults(run=_quarantine)

    backup = verbs.add_parser("backup", help="copy a journal in use", description=_backup.__doc__)
    backup.add_argument("journal", type=Path, metavar="JOURNAL")
    backup.add_argument("copy", type=Path, metavar="COPY", help="a file that is not there yet")
    _add_segments(backup)
    backup.add_argument("--json", action="store_true", help="print one JSON object")
    backup.set_defaults(run=_backup)

    show = verbs.add_parser("show", help="show what a journal holds", description=_show.__doc__)
    show.add_argument("journal", type=Path, metavar="JOURNAL")
    show.add_argument("what", choices=("tickets", "ticket", "balances", "liability", "fixtures"))
    show.add_argument("id", nargs="?", help="the ticket; or the fixture whose liability to show")
    _add_segments(show)
    show.add_argument("--json", action="store_true", help="print JSON")
    show.set_defaults(run=_show)

    _projection_cli.add_verbs(verbs)

    demo = verbs.add_parser("demo", help="play the group stage of a World Cup, with customers and a report")
    if with_demo:
        from oddsengine import demo as main_job

        main_job.add_arguments(demo)
        demo.set_defaults(run=main_job.run)

    keygen = verbs.add_parser("keygen", help="make a key pair", description=_keygen.__doc__)
    keygen.add_argument("name", help="NAME.key and NAME.key_secret are written")
    keygen.add_argument("--folder", type=Path, default=Path(), metavar="FOLDER", help="where (default: here)")
    keygen.set_defaults(run=_keygen)
    return parser


def _add_segments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--segments",
        type=Path,
        metavar="DIR",
        help="where segment files are looked for before the journal's folder",
    )


def _day_ns(text: str) -> int:
    import datetime

    try:
        day = datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"day {text!r} is not YYYY-MM-DD") from None
    return int(day.timestamp()) * 1_000_000_000


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 1e6:
        raise argparse.ArgumentTypeError(f"{text} is outside 0.001..=1000000")
    return speed


def _record(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) < 1 << 63):
        raise argparse.ArgumentTypeError(f"{text} is outside 1..={(1 << 63) - 1}")
    return int(text)


def _anchor(text: str) -> str:
    """``SEQ:HASH``, given as such or as the first line of a file."""
    pattern = re.compile(r"[0-9]{1,19}:[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
    if pattern.fullmatch(text):
        return text
    try:
        with Path(text).open(encoding="ascii", errors="replace") as file:
            found = file.readline(256).strip()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise argparse.ArgumentTypeError(f"{text} is neither SEQ:HASH nor a file: {reason}") from error
    if not pattern.fullmatch(found):
        raise argparse.ArgumentTypeError(f"{text} does not begin with a line SEQ:HASH")
    return found


def _settings(path: Path | None, *, needs_journal: bool) -> Settings:
    from oddsengine import config

    if path is not None:
        return config.load(path, needs_journal=needs_journal)
    return config.parse({}, needs_journal=needs_journal)


def _serve(options: argparse.Namespace) -> int:
    """Run the engine until SIGTERM or Ctrl-C. Prints one line of JSON when it is ready."""
    from oddsengine import serve

    overrides = options.memory or options.journal is not None
    settings = _settings(options.config, needs_journal=not overrides)
    if overrides:
        settings = replace(settings, journal=replace(settings.journal, path=options.journal))
    if settings.journal.path is None and (options.must_exist or options.anchor is not None):
        raise ValueError("--must-exist and --anchor need a journal")
    return serve.run(
        settings,
        ready_fd=options.ready_fd,
        ready_file=options.ready_file,
        must_exist=options.must_exist,
        anchor=options.anchor,
    )


def _replay(options: argparse.Namespace) -> int:
    """Run a recorded feed through a fresh engine, or push it to a running one."""
    content = b"\n".join(path.read_bytes() for path in options.files)
    if options.to is not None:
        return _push(content, options.to, options.speed, as_json=options.json)
    settings = _settings(options.config, needs_journal=False)
    if options.speed is None:
        from oddsengine import _core

        report: dict[str, Any] = _core.replay_recording(content, settings.engine)
    else:
        report = _replay_paced(content, settings, options.speed, as_json=options.json)
    _print_report(report, as_json=options.json)
    return EXIT_OK if all(_invariants(report).values()) else EXIT_DAMAGED


def _paced(content: bytes, speed: float | None) -> Iterable[bytes]:
    """The lines of a recording, each at its time."""
    import orjson

    started_s, first_ns = time.monotonic(), None
    for line in content.splitlines():
        if not line.strip():
            continue
        if speed is not None:
            time_ns = orjson.loads(line)["time_ns"]
            first_ns = time_ns if first_ns is None else first_ns
            due_s = started_s + (time_ns - first_ns) / 1e9 / speed
            if (wait_s := due_s - time.monotonic()) > 0:
                time.sleep(wait_s)
        yield line


def _replay_paced(content: bytes, settings: Settings, speed: float, *, as_json: bool) -> dict[str, Any]:
    """Through a service in memory, as the engine process would see it."""
    import orjson

    from oddsengine import _core

    # It starts before the recording does, so the same recording always gives the same state.
    service = _core.Service(journal=None, config=settings.engine, now_ns=0)
    started_s, shown_s = time.perf_counter(), 0.0
    count = 0
    for line in _paced(content, speed):
        count += 1
        # The recording's own time.
        service.ingest(line, orjson.loads(line)["time_ns"])
        service.end_turn()
        while service.work_off():
            service.end_turn()
        for _target, (topic, payload) in service.take_frames(time.time_ns()):
            if not as_json and topic.startswith(b"status.") and time.perf_counter() - shown_s > 0.1:
                shown_s = time.perf_counter()
                status = orjson.loads(payload)
                home, away = status["score"]
                minute = status["clock_ms"] // 60_000
                print(f"{minute:3}' fixture {status['fixture']} {home}-{away} {status['status']}", flush=True)
    metrics = service.metrics()
    return {
        "messages": count,
        "malformed": metrics["malformed_messages"],
        "refused": metrics["refused_commands"],
        "fixtures": metrics["fixtures"],
        "board_frames": metrics["board_frames"],
        "trading_frames": metrics["trading_frames"],
        "seconds": time.perf_counter() - started_s,
        "state_hash": service.state_hash(),
        "invariants": service.invariants(),
    }


def _push(content: bytes, endpoint: str, speed: float | None, *, as_json: bool) -> int:
    from oddsengine.client import FeedClient

    started_s = time.perf_counter()
    with FeedClient(endpoint, source="replay") as feed:
        for line in _paced(content, speed):
            feed.send(line)
        report = {"messages": feed.sent_count, "to": endpoint, "seconds": time.perf_counter() - started_s}
    _print_report(report, as_json=as_json)
    return EXIT_OK


def _backup(options: argparse.Namespace) -> int:
    """Copy a journal, beside a running engine, and verify the copy.

    The copy holds at least everything that was acknowledged when the command began. Segments that lie beside
    the journal are copied; those of --segments are read to verify the copy, and stay where they are.
    """
    import contextlib
    import glob
    import shutil
    import sqlite3

    journal, copy = options.journal, options.copy
    mark, mark_copy = (path.with_name(path.name + ".mark") for path in (journal, copy))
    if not journal.exists():
        raise ValueError(f"there is no journal at {journal}")
    for target in (copy, mark_copy):
        if target.exists():
            raise ValueError(f"{target} is there already, and backups are not overwritten")
    # Only the owner reads a journal, whatever the umask: SQLite and the copy keep the mode that they find.
    for target in (copy, mark_copy):
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    # The mark first: the copy of the database then reaches at least as far as its mark says.
    shutil.copyfile(mark, mark_copy)
    with (
        contextlib.closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    # Segments are written once, under a name that the journal keeps: copies are whole beside any copy.
    for segment in sorted(journal.parent.glob("*.segment")):
        if segment.name.startswith(journal.name + ".") and not copy.with_name(segment.name).exists():
            shutil.copy(segment, copy.with_name(segment.name))
    # What is called sound is on the disk.
    for written in (mark_copy, *copy.parent.glob(f"{glob.escape(journal.name)}.*.segment"), copy.parent):
        descriptor = os.open(written, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    options.journal, options.anchor, options.redecide = copy, None, False
    return _verify(options)


def _audit(options: argparse.Namespace) -> int:
    """Settle every ticket anew, from the facts of a journal and by arithmetic of its own.

    Tells the tickets that were paid otherwise than their results say, the difference of each customer, and
    the postings that would put it right. It posts nothing. Status 1 where something differs.
    """
    from oddsengine.settlement_audit import audit

    found = audit(options.journal)
    if options.json:
        print(json.dumps(found.document()))
        return EXIT_DAMAGED if found.differences else EXIT_OK
    print(f"{found.ticket_count} tickets settled anew, {found.skipped_count} of plans that are not looked at")
    for differs in found.differences:
        print(
            f"ticket {differs.ticket} of customer {differs.customer}: {differs.booked_minor} booked,"
            f" {differs.due_minor} due, {differs.owed_minor:+d} {differs.currency} minor"
        )
    for customer, owed_minor in found.by_customer.items():
        print(f"customer {customer}: {owed_minor:+d} minor")
    for posting in found.proposed:
        print(
            f"proposed: {posting.amount_minor} {posting.currency} minor from {posting.debit}"
            f" to {posting.credit} for ticket {posting.ticket}"
        )
    return EXIT_DAMAGED if found.differences else EXIT_OK


def _verify(options: argparse.Namespace) -> int:
    """Check the hash chain of a journal, replay it from the beginning, check the invariants.

    Works beside a running engine, and proves what was durable when it began. Exit code 1 if anything is
    not as it was written, or an invariant does not hold; 5 if a record cannot be applied. Of a journal that
    is not in use the archive is compared with the records as well, row by row.

    With --redecide every command is decided anew in the state that the facts before it make. What this
    release wrote it must decide in the same way, or the exit code is 1; what another release wrote it may
    decide otherwise: that is listed, and no damage.
    """
    from oddsengine import _core

    report: dict[str, Any] = {"journal": str(options.journal)}
    report |= _core.verify_journal(options.journal, anchor=options.anchor, segments=options.segments)
    is_sound = bool(report["is_sound"])
    fault = ""
    if is_sound:
        try:
            report |= _core.replay_journal(options.journal, segments=options.segments)
            if options.redecide:
                report |= _core.redecide_journal(options.journal, segments=options.segments)
        except JournalError as error:
            if error.code != "record":
                raise
            fault = str(error)
            report["record_fault"] = fault
    is_sound = is_sound and all(_invariants(report).values()) and not report.get("own_differences")
    # The archive is derived: what is wrong there is made anew, and is no damage of the journal.
    is_archive_sound = bool(report.get("archive_is_sound", True))
    report["is_sound"] = is_sound and is_archive_sound
    _print_report(
        {name: value for name, value in report.items() if options.json or name != "differing_records"},
        as_json=options.json,
    )
    if not options.json:
        for difference in report.get("differing_records", ()):
            print(_difference_text(difference))
        if fault:
            print("NOT REPLAYABLE: the chain is whole, a record cannot be applied")
        elif is_sound and not is_archive_sound:
            print(f"ARCHIVE DIFFERS: the journal is whole; oddsengine archive {options.journal} --rebuild")
        elif is_sound:
            print("sound")
        else:
            print("DAMAGED: keep all files of the journal, see docs/operations.md")
    if fault:
        return EXIT_RECORD
    return EXIT_OK if is_sound and is_archive_sound else EXIT_DAMAGED


def _compact(options: argparse.Namespace) -> int:
    """Seal old records of a journal into segment files beside it, and delete them from the database.

    What lies wholly before the older of the two kept snapshots is sealed, or less by --before-seq and
    --before-day. The chain of proof goes on through the segments: verify reads them with the journal. The
    database does not shrink; its free pages are written again, so that it stops growing. The engine must
    not run: a running one compacts by itself with `compact = true` in its configuration. Progress is told on
    stderr once a second; killed at any moment it loses nothing, and the next one goes on.
    """
    from oddsengine import _core

    def told(seq: int, until_seq: int, deleted_seq: int) -> None:
        print(
            f"oddsengine: sealed up to record {seq} of {until_seq}, out of the database up to {deleted_seq}",
            file=sys.stderr,
            flush=True,
        )

    report = _core.compact_journal(
        options.journal,
        now_ns=time.time_ns(),
        before_seq=options.before_seq,
        before_ns=options.before_day,
        segments=options.segments,
        told=told,
    )
    _print_report({"journal": str(options.journal)} | report, as_json=options.json)
    return EXIT_OK


def _archive(options: argparse.Namespace) -> int:
    """Have the archive of a journal (the tickets that left memory) made anew by the next start of its engine.

    For an archive that cannot be read or is not what was written (`archive_unreadable`). It is derived: the
    start reads all records from the first one on, sealed ones too, and writes the tickets again; that takes
    as long as `verify`. The engine must not run. Nothing else is changed.
    """
    from oddsengine import _core

    _core.distrust_archive(options.journal)
    print(f"the archive of {options.journal} is made anew by the next start")
    return EXIT_OK


def _difference_text(difference: dict[str, Any]) -> str:
    """A decision that this release would make otherwise, in three lines."""
    head = "record {record} ({kind}) of release {release} would be decided otherwise".format_map(difference)
    recorded, decided = (difference[side] or "nothing" for side in ("recorded", "decided"))
    return f"{head}\n  recorded  {recorded}\n  decided   {decided}"


def _print_anchor(options: argparse.Namespace) -> int:
    """Print the last acknowledged link of a journal as SEQ:HASH, also beside a running engine.

    Kept on another host it proves later, with --anchor, that the journal was not exchanged for an older one.
    """
    from oddsengine import _core

    print(_core.journal_anchor(options.journal))
    return EXIT_OK


QUARANTINE = {
    "record": "record",
    "by": "by",
    "reason": "reason",
    "time": "time",
}


def _quarantine(options: argparse.Namespace) -> int:
    """Take a record that cannot be applied out of every replay, or back into it.

    The engine must not run. The record stays in the journal and in its hash chain; beside it is written who
    decided it and why.
    """
    from oddsengine import _core

    journal = options.journal
    if not options.list:
        for name in ("record", "by", "reason"):
            if getattr(options, name) is None:
                raise ValueError(f"--{name} is missing: say which record, by whom, and why; or --list")
        order = {"by": options.by, "reason": options.reason, "now_ns": time.time_ns()}
        if options.release:
            _core.release_record(journal, options.record, **order)
        else:
            _core.quarantine_record(journal, options.record, is_forced=options.force, **order)
    entries = _core.quarantined_records(journal)
    if options.json:
        print(json.dumps(entries))
    else:
        rows = [entry | {"time": _utc(entry["time_ns"])} for entry in entries]
        _print_table("quarantined records", QUARANTINE, rows)
    return EXIT_OK


def _utc(time_ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns // 1_000_000_000))


def _invariants(report: Mapping[str, Any]) -> dict[str, bool]:
    found = report.get("invariants", {})
    return {name: value for name, value in found.items() if isinstance(value, bool)}


def _print_report(report: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        label = name.replace("_", " ")
        match value:
            case dict():
                for invariant, holds in value.items():
                    text = "holds" if holds is True else "DOES NOT HOLD" if holds is False else holds
                    print(f"{invariant.replace('_', ' '):32} {text}")
            case list():
                print(f"{label:32} {', '.join(str(item) for item in value) or 'none'}")
            case float():
                print(f"{label:32} {value:,.3f}" if value < 1_000 else f"{label:32} {value:,.0f}")
            case _:
                print(f"{label:32} {'' if value is None else value}")


def _show(options: argparse.Namespace) -> int:
    """Show what a journal holds: tickets, balances, liability, fixtures. Works beside a running engine."""
    from oddsengine import _core

    engine = _core.Engine.from_journal(options.journal, segments=options.segments)
    if left_out := [
        entry["record"] for entry in _core.quarantined_records(options.journal, segments=options.segments)
    ]:
        named = ", ".join(map(str, left_out[:20])) + (", …" if left_out[20:] else "")
        print(f"oddsengine: {len(left_out)} quarantined and left out: record {named}", file=sys.stderr)
    match options.what:
        case "ticket":
            if options.id is None:
                raise ValueError("show ticket needs the ticket's id, 32 hexadecimal digits")
            found: Any = engine.ticket(_ticket_number(options.id))
        case "tickets":
            found = engine.tickets()
        case "balances":
            found = engine.balances()
        case "fixtures":
            found = engine.fixtures()
        case _:
            fixtures = engine.fixtures()
            ids = [item["fixture"] for item in fixtures] if options.id is None else [_number(options.id)]
            names = {item["fixture"]: f"{item['home']} v {item['away']}" for item in fixtures}
            exposures = ((fixture, engine.exposure(fixture)) for fixture in ids)
            found = [{"name": names.get(fixture, "")} | exposure for fixture, exposure in exposures]
            if options.id is None:
                # Of all fixtures, those with bets.
                found = [exposure for exposure in found if exposure["leg_count"]]
            currency = next((account["currency"] for account in engine.balances()), "EUR")
            found = [exposure | {"currency": currency} for exposure in found]
    if options.json:
        print(json.dumps(found))
    else:
        _print_tables(options.what, found)
    return EXIT_OK


def _ticket_number(text: str) -> int:
    try:
        number = int(text.replace("-", ""), 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 128:
        raise ValueError(f"ticket {text!r} is not an id of 32 hexadecimal digits")
    return number


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"fixture {text!r} is not a number")
    return int(text)


# Per table: heading, and the field that it shows; `_minor` fields are shown in the currency's major unit.
TICKETS = {
    "ticket": "ticket",
    "customer": "customer",
    "state": "state",
    "reason": "reason",
    "stake": "stake_minor",
    "paid": "paid_minor",
    "legs": "legs",
}
BALANCES = {
    "account": "account",
    "customer": "customer",
    "currency": "currency",
    "posted": "posted_minor",
    "available": "available_minor",
    "reserved": "reserved_minor",
}
FIXTURES = {
    "fixture": "fixture",
    "home": "home",
    "away": "away",
    "competition": "competition",
    "score": "score",
    "period": "period",
    "status": "status",
    "version": "version",
}
LIABILITY = {
    "fixture": "fixture",
    "name": "name",
    "legs": "leg_count",
    "stakes": "stake_minor",
    "worst": "worst_minor",
    "worst bound": "worst_minor_bound",
    "expected": "expected_minor",
}
SELECTIONS = {
    "market": "market",
    "selection": "selection",
    "legs": "leg_count",
    "stakes": "stake_minor",
    "payout": "payout_minor",
    "liability": "liability_minor",
}
LEGS = {
    "fixture": "fixture",
    "market": "market",
    "selection": "selection",
    "odds": "odds",
    "offered": "offered_odds",
    "fair": "fair_probability",
    "score": "score",
    "grade": "grade",
}
CHECKS = {
    "limit": "level",
    "leg": "leg",
    "value": "limit_minor",
    "used": "used_minor",
    "largest stake": "stake_minor_max",
}


def _print_tables(what: str, found: Any) -> None:
    match what:
        case "tickets":
            _print_table("tickets", TICKETS, found)
        case "ticket":
            for heading, name in TICKETS.items():
                if name != "legs":
                    print(f"{heading:10} {_text(name, found[name], found['currency'])}")
            _print_table("legs", LEGS, found["legs"], found["currency"])
            _print_table("limits checked", CHECKS, found["checks"], found["currency"])
        case "balances":
            _print_table("balances", BALANCES, found)
        case "fixtures":
            _print_table("fixtures", FIXTURES, found)
        case _:
            _print_table("liability, profit is positive", LIABILITY, found)
            for fixture in found:
                rows = [
                    row | {"market": part["market"]}
                    for part in fixture["markets"]
                    for row in part["selections"]
                ]
                title = fixture["name"] or str(fixture["fixture"])
                _print_table(title, SELECTIONS, rows, fixture["currency"])


def _print_table(
    title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], currency: str = "EUR"
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for heading, name in columns.items():
        table.add_column(heading, justify="right" if _is_number(name) else "left", no_wrap=name == "ticket")
    for row in rows:
        table.add_row(*(_text(name, row[name], row.get("currency", currency)) for name in columns.values()))
    # Into a file or a pipe, rows are not folded.
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def _is_number(name: str) -> bool:
    return "minor" in name or name in ("leg_count", "odds", "offered_odds", "version", "customer", "fixture")


def _text(name: str, value: Any, currency: str) -> str:
    from oddsengine.config import money

    match value:
        case None:
            return "–"
        case {"name": str(reason)}:
            return reason
        case [int(first), int(second)] if name == "score":
            return f"{first}-{second}"
        case list():
            return ", ".join(
                f"{leg['fixture']} {leg['market']} {leg['selection']} @ {leg['odds']}" for leg in value
            )
        case int() if "minor" in name:
            return money(value, currency)
        case _:
            return str(value)


def _keygen(options: argparse.Namespace) -> int:
    """Make a CURVE key pair: NAME.key to give away, NAME.key_secret to keep."""
    from oddsengine._zap import KeyPair, write_keys

    if (
        options.name in ("", ".", "..")
        or not options.name.isprintable()
        or any(separator in options.name for separator in ("/", "\\", "\0"))
    ):
        raise ValueError(
            f"name {options.name!r} is not a plain file name\nhint: --folder says where the keys are written"
        )
    pair = KeyPair.new()
    try:
        public, secret = write_keys(pair, options.folder / options.name)
    except FileExistsError as error:
        raise ValueError(
            f"{error.filename or error} is there already, and keys are not overwritten"
        ) from error
    print(f"{public}: give it away\n{secret}: keep it\npublic key: {pair.public.decode()}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
