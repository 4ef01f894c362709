"""The main job on one machine: an engine, a feed, a crowd of bettors and a subscriber, each its own process.

They play the group stage of the World Cup 2022 in about a minute, and the run ends with a report: what was
settled and paid, how fast, what was lost (nothing), and whether a replay of the journal gives the same state.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from oddsengine.demo.settings import BETS_PER_SECOND, CUSTOMERS, DROP, MATCH_COUNT, SEED, SPEED, Options

__all__ = ["add_arguments", "run"]

EXIT_BROKEN = 1
EXIT_FAILED = 2
EXIT_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `oddsengine demo`."""
    add = parser.add_argument
    add(
        "--matches",
        type=_within(int, 1, MATCH_COUNT),
        metavar="N",
        help="play the first N matches (default: all 48, or what fits into --seconds)",
    )
    add(
        "--speed",
        type=_within(float, 0.1, 10_000),
        default=SPEED,
        metavar="MINUTES",
        help="match minutes per second (default: %(default)g)",
    )
    add(
        "--seconds",
        type=_within(float, 1, 86_400),
        metavar="S",
        help="longest time of play: faster, and fewer matches if that is not enough",
    )
    add(
        "--bets-per-second",
        type=_within(float, 0.1, 20_000),
        default=BETS_PER_SECOND,
        metavar="RATE",
        help="tickets offered per second, whatever the engine does (default: %(default)g)",
    )
    add(
        "--customers",
        type=_within(int, 1, 100_000),
        default=CUSTOMERS,
        metavar="N",
        help="customers with an account (default: %(default)d)",
    )
    add(
        "--drop",
        type=_within(int, 0, 1_000),
        default=DROP,
        metavar="N",
        help="odds messages that the subscriber loses on purpose (default: %(default)d)",
    )
    add(
        "--seed",
        type=int,
        default=SEED,
        help="seed of the crowd, the desk and the losses (default: %(default)d)",
    )
    add(
        "--transport",
        choices=("ipc", "tcp"),
        default="ipc",
        help="how the processes talk (default: %(default)s)",
    )
    add("--plain", action="store_true", help="progress lines instead of the live view, as without a terminal")
    add("--report", type=Path, metavar="FILE", help="write the report as JSON; “-” is stdout")
    add(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep the journal, the configuration and the logs in this folder",
    )


def run(namespace: argparse.Namespace) -> int:
    """Carries out `oddsengine demo`; 0 when all held, 1 when something did not, 2 without a result."""
    import orjson
    from rich.console import Console

    from oddsengine.demo import report
    from oddsengine.demo.conduct import conduct, interruptible
    from oddsengine.demo.processes import DemoError
    from oddsengine.demo.settings import Workspace
    from oddsengine.demo.view import view_for

    options, plan = Options(
        match_count=namespace.matches,
        speed=namespace.speed,
        seconds=namespace.seconds,
        bets_per_second=namespace.bets_per_second,
        customers=namespace.customers,
        drop=namespace.drop,
        seed=namespace.seed,
        transport=namespace.transport,
        plain=namespace.plain,
        report=namespace.report,
        keep=namespace.keep,
    ).planned()
    to_stdout = options.report == Path("-")
    console = Console(stderr=to_stdout)
    try:
        with interruptible(), Workspace(options.keep) as workspace:
            view = view_for(console, plain=options.plain)
            try:
                result = conduct(options, plan, workspace, view)
            finally:
                view.close()
    except DemoError as error:
        report.complain(str(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        report.complain("interrupted; all processes have ended")
        return EXIT_INTERRUPTED
    console.print(report.text(result), highlight=False, markup=False, soft_wrap=True)
    if options.report is not None:
        written = orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n"
        if to_stdout:
            print(written.decode(), end="")
        else:
            options.report.write_bytes(written)
    return 0 if report.is_good(result) else EXIT_BROKEN


def _within(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """A number in a range, for argparse."""

    def number(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is outside {low:g}..={high:g}")
        return value

    number.__name__ = kind.__name__
    return number
