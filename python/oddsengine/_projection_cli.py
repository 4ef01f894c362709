"""The verbs of projections: ``oddsengine follow``, ``sql``, ``export``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddsengine._exit import EXIT_DAMAGED, EXIT_OK

if TYPE_CHECKING:
    from oddsengine.projection import Progress

__all__ = ["add_verbs"]


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the command line."""
    follow = verbs.add_parser(
        "follow", help="keep tables of a journal that SQL can ask", description=_follow.__doc__
    )
    follow.add_argument("--journal", type=Path, required=True, metavar="FILE", help="the journal")
    follow.add_argument(
        "--to",
        metavar="TARGET",
        help="sqlite:PATH or postgresql://USER@HOST/NAME; JOURNAL.facts beside the journal if absent",
    )
    how = follow.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="take what is acknowledged, and end")
    how.add_argument(
        "--check",
        action="store_true",
        help="build it anew in a temporary file and compare the hash of each table",
    )
    follow.add_argument("--rebuild", action="store_true", help="begin anew, whatever is there")
    follow.add_argument(
        "--durable",
        action="store_true",
        help="SQLite: sync every transaction (read again from the journal otherwise)",
    )
    follow.add_argument(
        "--segments", type=Path, metavar="DIR", help="where sealed segments are, if not beside the journal"
    )
    follow.add_argument("--json", action="store_true", help="print JSON, an object a line")
    follow.set_defaults(run=_follow)

    sql = verbs.add_parser("sql", help="ask a projection", description=_sql.__doc__)
    sql.add_argument("query", metavar="QUERY", help="one SELECT")
    where = sql.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--journal", type=Path, metavar="FILE", help="the journal whose projection is beside it"
    )
    where.add_argument(
        "--from", dest="source", type=Path, metavar="PATH", help="a projection, or an exported folder"
    )
    sql.add_argument("--json", action="store_true", help="print a JSON list, a row an object")
    sql.set_defaults(run=_sql)

    export = verbs.add_parser(
        "export", help="write a day of a projection as Parquet", description=_export.__doc__
    )
    export.add_argument(
        "--journal", type=Path, metavar="FILE", help="the journal whose projection is beside it"
    )
    export.add_argument("--from", dest="source", metavar="TARGET", help="sqlite:PATH or postgresql://…")
    export.add_argument("--day", required=True, metavar="YYYY-MM-DD", help="the day (UTC)")
    export.add_argument(
        "--folder", type=Path, required=True, metavar="FOLDER", help="TABLE/day=YYYY-MM-DD.parquet"
    )
    export.add_argument("--json", action="store_true", help="print one JSON object")
    export.set_defaults(run=_export)


def _follow(options: argparse.Namespace) -> int:
    """Keep tables of a journal, beside a running engine, until SIGTERM or Ctrl-C.

    The tables can be built anew at any time, to the same content: --rebuild does, --check compares. Where
    the journal is
    no longer the one that was followed (an older copy was put back) it says so, changes nothing and ends
    with status 2.
    """
    import contextlib

    from oddsengine import projection

    if options.check:
        if options.rebuild:
            raise ValueError("--check compares what is there, and --rebuild replaces it: give one of them")
        with contextlib.closing(projection.open_store(options.to, options.journal, is_reader=True)) as store:
            found = projection.check(options.journal, store, segments=options.segments)
        return _tell_check(found, as_json=options.json)
    if options.once:
        with contextlib.closing(
            projection.open_store(options.to, options.journal, durable=options.durable)
        ) as store:
            follower = projection.Follower(
                options.journal, store, rebuild=options.rebuild, segments=options.segments
            )
            if follower.notice is not None:
                _notice(follower.notice)
            follower.catch_up()
            _tell(follower.progress(), as_json=options.json)
        return EXIT_OK
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    projection.follow(
        options.journal,
        options.to,
        stop=stop,
        rebuild=options.rebuild,
        durable=options.durable,
        segments=options.segments,
        noticed=_notice,
        told=lambda progress: _tell(progress, as_json=options.json),
        failed=lambda error: print(f"oddsengine: {error}; trying again", file=sys.stderr, flush=True),
    )
    return EXIT_OK


def _notice(text: str) -> None:
    print(f"oddsengine: {text}", file=sys.stderr, flush=True)


def _tell(progress: Progress, *, as_json: bool) -> None:
    found = {
        "seq": progress.seq,
        "acknowledged_seq": progress.acknowledged_seq,
        "behind": progress.behind,
        "records": progress.record_count,
        "batches": progress.batch_count,
        "cut_reads": progress.cut_count,
        "lag_ms": progress.lag_ns // 1_000_000,
        "wal_bytes": progress.wal_bytes,
    }
    if as_json:
        print(json.dumps(found), flush=True)
    else:
        print(
            "record {seq} of {acknowledged_seq}, {behind} behind; {records} taken in {batches} batches,"
            " the last {lag_ms} ms after its commit".format_map(found),
            flush=True,
        )


def _tell_check(found: Any, *, as_json: bool) -> int:
    differing = found.differing
    if as_json:
        print(
            json.dumps(
                {"seq": found.seq, "differing": differing, "kept": found.kept, "rebuilt": found.rebuilt}
            )
        )
    else:
        for name, rebuilt in found.rebuilt.items():
            count, digest = rebuilt.split(":")
            text = "as rebuilt" if name not in differing else f"DIFFERS: kept {found.kept[name]}"
            print(f"{name:20} {count:>12} rows  {digest[:16]}  {text}")
        print(f"up to record {found.seq}: {'DIFFERS' if differing else 'the same'}")
    return EXIT_DAMAGED if differing else EXIT_OK


def _sql(options: argparse.Namespace) -> int:
    """Ask a projection in SQL, read-only; or exported Parquet files, by DuckDB (pip install duckdb)."""
    from oddsengine.projection import _sql as engine
    from oddsengine.projection import default_path

    source = options.source if options.source is not None else default_path(options.journal)
    names, rows = engine.query(source, options.query)
    if options.json:
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str))
    else:
        engine.print_rows(names, rows)
    return EXIT_OK


def _export(options: argparse.Namespace) -> int:
    """Write what happened on a day as Parquet files, a table a folder (pip install pyarrow).

    Tables that are added to hold the rows of that day; tables of what stands hold all rows, as they are now.
    """
    import contextlib

    from oddsengine import projection
    from oddsengine.projection import _export as export

    if options.journal is None and options.source is None:
        raise ValueError("give --journal or --from")
    journal = options.journal if options.journal is not None else Path()
    acknowledged_seq = None
    if options.journal is not None:
        from oddsengine import _core

        acknowledged_seq = int(_core.journal_anchor(str(journal)).partition(":")[0])
    with contextlib.closing(projection.open_store(options.source, journal, is_reader=True)) as store:
        written = export.day(
            store, options.day, options.folder, acknowledged_seq=acknowledged_seq, noticed=_notice
        )
    if options.json:
        print(json.dumps(written))
    else:
        for path, count in written.items():
            print(f"{path}: {count} rows")
    return EXIT_OK
