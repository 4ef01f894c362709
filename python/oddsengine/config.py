"""The configuration file: TOML in, checked settings out.

Every key, its range and its default stand in one table, :data:`KEYS`; ``docs/config.md`` and
``examples/oddsengine.toml`` are compared with it by the tests. A key that is not in the table is an error.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from oddsengine import _signatures
from oddsengine._rights import (
    NAME_BYTES_MAX,
    ROLE_SOCKETS,
    ROLES,
    Grants,
    RightsError,
    customer_ranges,
    source_patterns,
)
from oddsengine._zap import KeyFileError, KeyPair, public_key, read_keys
from oddsengine.exceptions import OddsEngineError
from oddsengine.odds import LADDERS

__all__ = [
    "KEYS",
    "ConfigError",
    "Curve",
    "CurveClient",
    "Journal",
    "Key",
    "Models",
    "Rights",
    "Settings",
    "Sockets",
    "load",
    "minor_digits",
    "money",
    "parse",
]

SOCKET_NAMES = ("ingest", "orders", "odds", "snapshot", "desk")
# Decimals of the currencies whose minor unit is not the hundredth (ISO 4217), as in the Rust core.
MINOR_DIGITS = {
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "VND", "VUV", "XAF", "XOF"), 0),
}
# Largest limit, and largest stake, in minor units: the bounds of the engine.
LOSS_MINOR_MAX = 1_000_000_000_000_000
# What a start may prove of the journal.
VERIFY_SCOPES = ("all", "since_snapshot")
STAKE_MINOR_MAX = 10_000_000_000
QUEUE = (1, 10_000_000)
CORRECTIONS = ("resettle", "stand", "goodwill")
HOUSE_RULES_MAX = 64
YEAR_MS = 31_536_000_000
METHODS = ("multiplicative", "power", "odds_ratio", "shin")


class ConfigError(OddsEngineError, ValueError):
    """The configuration cannot be used; the message names the key, the value and what is allowed."""


def minor_digits(currency: str) -> int:
    """Decimals of a currency.

    Examples
    --------
    >>> minor_digits("EUR"), minor_digits("JPY"), minor_digits("KWD")
    (2, 0, 3)
    """
    return MINOR_DIGITS.get(currency, 2)


def money(amount_minor: int, currency: str) -> str:
    """An amount as text in the currency's major unit.

    Examples
    --------
    >>> money(-123456, "EUR"), money(5, "EUR"), money(1200, "JPY")
    ('-1234.56', '0.05', '1200')
    """
    digits = minor_digits(currency)
    sign, whole = "-" if amount_minor < 0 else "", str(abs(amount_minor)).rjust(digits + 1, "0")
    return f"{sign}{whole[:-digits]}.{whole[-digits:]}" if digits else sign + whole


Kind = Literal[
    "endpoint",
    "integer",
    "integers",
    "number",
    "numbers",
    "amount",
    "choice",
    "names",
    "text",
    "path",
    "boolean",
    "roles",
    "sources",
    "customers",
    "programs",
    "windows",
    "corrections",
]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration file.

    Amounts have two spellings: ``stake_max = "10000.00"`` in the currency of the book, as text, and
    ``stake_minor_max = 1000000`` in its minor unit. Their bounds and defaults are in the minor unit.
    """

    section: str
    name: str
    kind: Kind
    default: Any
    # Lowest and highest value, or the words that are taken.
    takes: tuple[Any, ...]
    text: str

    @property
    def minor_name(self) -> str:
        """The spelling in minor units: ``stake_max`` is ``stake_minor_max``."""
        stem, _, last = self.name.rpartition("_")
        return f"{stem}_minor_{last}" if last in ("min", "max") else f"{self.name}_minor"

    @property
    def names(self) -> tuple[str, ...]:
        """The spellings."""
        return (self.name, self.minor_name) if self.kind == "amount" else (self.name,)

    def allowed(self, currency: str = "EUR") -> str:
        """What the key takes, in words."""
        match self.kind:
            case "choice" | "names" | "roles":
                return ", ".join(self.takes)
            case "sources":
                return "names, beginnings with `*`"
            case "customers":
                return 'ids, `"100..=199"`, `"*"`'
            case "programs":
                return f"names of 1 to {PROGRAM_NAME_CHARS_MAX} characters"
            case "amount":
                return "..=".join(money(bound, currency) for bound in self.takes)
            case "integer" | "integers" | "number" | "numbers":
                return f"{self.takes[0]}..={self.takes[1]}"
            case "endpoint":
                return "tcp://host:port, ipc://path"
            case "corrections":
                return ", ".join((*CORRECTIONS, '"within:MILLISECONDS"'))
            case "boolean":
                return "true, false"
            case "windows":
                return 'texts like `"day 100.00 per selection in 24h"`'
            case _:
                return self.kind


# As much as Linux keeps of a program's name.
PROGRAM_NAME_CHARS_MAX = 15

# Per section, one row a key: name, kind, default, range or choices, sentence.
_TABLE: dict[str, tuple[tuple[str, Kind, Any, tuple[Any, ...], str], ...]] = {
    "sockets": (
        ("ingest", "endpoint", "tcp://127.0.0.1:5550", (), "PULL: feeds push here."),
        ("orders", "endpoint", "tcp://127.0.0.1:5551", (), "ROUTER: tickets, money, desk, queries."),
        ("odds", "endpoint", "tcp://127.0.0.1:5552", (), "XPUB: odds, trading status, heartbeat."),
        ("snapshot", "endpoint", "tcp://127.0.0.1:5553", (), "ROUTER: images of boards."),
        ("desk", "endpoint", "tcp://127.0.0.1:5554", (), "PUB: decisions, settlements, alerts."),
        ("heartbeat_ms", "integer", 1_000, (50, 10_000), "Time between two heartbeats."),
        (
            "ingest_queue_max",
            "integer",
            128,
            QUEUE,
            "Feed messages of one connection that wait before it is held up.",
        ),
        (
            "orders_queue_max",
            "integer",
            1_000,
            QUEUE,
            "Answers that wait for one client; the rest is dropped.",
        ),
        (
            "odds_queue_max",
            "integer",
            20_000,
            QUEUE,
            "Frames that wait for one subscriber; the rest is dropped.",
        ),
        (
            "snapshot_queue_max",
            "integer",
            512,
            QUEUE,
            "Images that wait for one client; the rest is dropped.",
        ),
        ("message_bytes_max", "integer", 131_072, (65_536, 67_108_864), "Who sends more is disconnected."),
        (
            "subscription_bytes_max",
            "integer",
            262_144,
            (65_536, 67_108_864),
            "Bytes of subscriptions that a connection may send at once; it regains 2,048 a second.",
        ),
        ("connections_max", "integer", 1_000, (1, 100_000), "Connections to one socket; more are ended."),
        (
            "stall_ms_max",
            "integer",
            10_000,
            (1_000, 600_000),
            "A client that takes no answer for so long is disconnected.",
        ),
        (
            "memory_bytes_max",
            "integer",
            2_147_483_648,
            (268_435_456, 1_099_511_627_776),
            "Resident memory; above three quarters the heaviest connections are ended.",
        ),
    ),
    "journal": (
        ("path", "path", None, (), "The journal's file. Either this or `in_memory` must be there."),
        ("in_memory", "boolean", False, (), "No journal: everything is lost at the end."),
        (
            "snapshot_every",
            "integer",
            200_000,
            (0, 10**9),
            "Commands between snapshots; 0: only at shutdown.",
        ),
        (
            "reader_seconds_max",
            "integer",
            300,
            (0, 86_400),
            "A process that has held an old state of the journal open for so long, and let the write-ahead"
            " log grow beyond `reader_log_bytes_max`, is ended; 0: never.",
        ),
        (
            "reader_log_bytes_max",
            "integer",
            1 << 30,
            (64 << 20, 1 << 40),
            "See `reader_seconds_max`; where the disk has less free than the log has grown to, also from"
            " 64 MiB on.",
        ),
        (
            "readers_kept",
            "programs",
            (),
            (),
            "Names of programs that are never ended, as in `/proc/PID/comm`; for them the bound is the disk.",
        ),
        (
            "verify_at_start",
            "choice",
            "since_snapshot",
            VERIFY_SCOPES,
            "What a start proves of the journal: what it goes on from, or all of its history.",
        ),
        (
            "compact",
            "boolean",
            False,
            (),
            "Seal old records into segment files beside the journal, in small steps between commits.",
        ),
        (
            "segment_bytes",
            "integer",
            256 << 20,
            (64 << 10, 256 << 20),
            "Bytes of records that `compact` waits for and seals into one segment.",
        ),
        ("segments", "path", None, (), "Where segment files are looked for before the journal's folder."),
    ),
    "book": (
        ("currency", "text", "EUR", (), "ISO 4217 code of stakes, limits, balances."),
        (
            "ladder",
            "choice",
            "fine",
            LADDERS,
            "Prices offered; odds are rounded down to it.",
        ),
        ("odds_min", "number", 1.01, (1.001, 1_000.0), "Shorter selections are not offered."),
        ("odds_max", "number", 500.0, (1.001, 1_000.0), "Longer odds are cut to it."),
        (
            "skew_b",
            "amount",
            None,
            (1, LOSS_MINOR_MAX),
            "Liability that moves a price by a factor e; absent: none.",
        ),
        ("bet_delay_ms", "integer", 5_000, (0, 60_000), "Bet delay in play."),
        (
            "feed_silence_ms",
            "integer",
            15_000,
            (0, 86_400_000),
            "Longest silence of a feed in play before trading of what it feeds stops; 0 for any.",
        ),
        (
            "start_grace_ms",
            "integer",
            60_000,
            (0, 86_400_000),
            "How long after its scheduled start a fixture is traded before a feed says that it started.",
        ),
        (
            "manual_tolerance",
            "number",
            0.02,
            (0.0, 1.0),
            "How far a fair probability may move before markets priced by hand or locked are suspended.",
        ),
        (
            "price_jump",
            "number",
            0.25,
            (0.0, 1.0),
            "How far prices of a feed may move a fair probability at once before trading stops.",
        ),
        ("fixtures_max", "integer", 20_000, (1, 1_000_000), "Most fixtures; further ones are refused."),
    ),
    "margin": (
        (
            "method",
            "choice",
            "multiplicative",
            METHODS,
            "How the margin is laid on the selections of a market.",
        ),
        ("booksum", "number", 1.05, (1.0, 2.0), "Sum of implied probabilities of a market with one winner."),
    ),
    "limits": (
        ("market_loss_max", "amount", 2_000_000, (0, LOSS_MINOR_MAX), "Largest loss on one market."),
        ("fixture_loss_max", "amount", 5_000_000, (0, LOSS_MINOR_MAX), "Largest joint loss on one fixture."),
        (
            "competition_loss_max",
            "amount",
            50_000_000,
            (0, LOSS_MINOR_MAX),
            "Sum over a competition's fixtures.",
        ),
        ("sport_loss_max", "amount", 100_000_000, (0, LOSS_MINOR_MAX), "Sum over a sport's fixtures."),
        ("platform_loss_max", "amount", 200_000_000, (0, LOSS_MINOR_MAX), "Sum over all fixtures."),
        ("stake_min", "amount", 10, (1, STAKE_MINOR_MAX), "Smallest stake of a ticket."),
        (
            "line_stake_min",
            "amount",
            0,
            (0, STAKE_MINOR_MAX),
            "Smallest stake of each line of a ticket with a plan.",
        ),
        ("stake_max", "amount", 1_000_000, (1, STAKE_MINOR_MAX), "Largest stake of a ticket."),
        ("payout_max", "amount", 25_000_000, (1, LOSS_MINOR_MAX), "Largest payout of a ticket."),
        ("legs_max", "integer", 12, (1, 63), "Most legs of a ticket."),
        (
            "bets_while_owing",
            "boolean",
            False,
            (),
            "Take bets from customers who owe money; withdrawals never are.",
        ),
        (
            "settlement_delay_ms",
            "integer",
            0,
            (0, 3_600_000),
            "How long a payment waits that a result in play decides.",
        ),
        (
            "archive_after_ms",
            "integer",
            3_600_000,
            (0, 31_536_000_000),
            "How long a settled or cancelled ticket stays in memory once its fixtures closed, at least 1000;"
            " 0 for ever.",
        ),
        (
            "archive_refused_after_ms",
            "integer",
            600_000,
            (0, 31_536_000_000),
            "How long a refused ticket stays in memory, at least 1000; 0 for ever.",
        ),
        (
            "archive_fixture_after_ms",
            "integer",
            21_600_000,
            (0, 31_536_000_000),
            "How long a fixture stays in memory once it closed and no ticket on it is kept, at least 1000;"
            " 0 for ever.",
        ),
        (
            "archive_money_after_ms",
            "integer",
            3_600_000,
            (0, 31_536_000_000),
            "How long the id of a deposit or a withdrawal stays in memory, at least 1000; 0 for ever.",
        ),
        (
            "stake_windows",
            "windows",
            (),
            (1, STAKE_MINOR_MAX),
            "Most that a customer may stake in a time, at most 8: name, most, over what and time; a time is"
            " at most `archive_after_ms`.",
        ),
        (
            "referral_stake",
            "amount",
            None,
            (0, STAKE_MINOR_MAX),
            "Bets with a larger stake go to a trader; absent: none does for its stake.",
        ),
        ("referral_ms", "integer", 30_000, (0, 600_000), "How long a trader is waited for."),
        (
            "referral_takes_unanswered",
            "boolean",
            False,
            (),
            "Decide a bet that no trader answered by the limits alone; otherwise it is declined.",
        ),
        (
            "offer_ms",
            "integer",
            10_000,
            (0, 600_000),
            "How long what is offered instead of what was asked stands; 0: nothing is offered.",
        ),
        (
            "delay_skip",
            "amount",
            0,
            (0, LOSS_MINOR_MAX),
            "In play, bets are taken without delay whose payout times fair probability is at most this.",
        ),
        (
            "improvement",
            "number",
            0.5,
            (0.0, 100.0),
            "A bet lapses whose odds are longer at the end of its delay by more than this share; 0: none.",
        ),
        (
            "limit_increase_ms",
            "integer",
            86_400_000,
            (0, 2_678_400_000),
            "How long a customer waits for a higher limit of their own, before it can be confirmed.",
        ),
    ),
    "settlement": (
        (
            "approval_above",
            "amount",
            None,
            (0, LOSS_MINOR_MAX),
            "What the desk settles, voids, cancels or takes back and moves more than this waits for a second"
            " key.",
        ),
        (
            "approval_expires_ms",
            "integer",
            0,
            (0, YEAR_MS),
            "How long it waits before it is dropped; 0 for ever.",
        ),
        (
            "provisional_pays_after_ms",
            "integer",
            0,
            (0, YEAR_MS),
            "How long a provisional result waits for its confirmation before it is paid; 0 for ever.",
        ),
        (
            "past_post_voids",
            "boolean",
            False,
            (),
            "Propose to void bets that were accepted after what decides them; a second key approves.",
        ),
        (
            "corrections",
            "corrections",
            ("resettle",),
            (),
            "What is done where a result is corrected after it was settled: version 1, 2, … of the house"
            " rules; a ticket follows the last one of when it was struck.",
        ),
    ),
    "models": (
        (
            "module",
            "text",
            None,
            (),
            "A Python module of own models; its `setup(host)` is called at the start.",
        ),
    ),
    "models.football": (
        (
            "first_half_share",
            "number",
            0.45,
            (0.001, 0.999),
            "Share of the goals that fall in the first half.",
        ),
        (
            "lead_multipliers",
            "numbers",
            (0.92, 1.0, 1.12),
            (0.0, 10.0),
            "Rate of a side that leads, is level, trails.",
        ),
        ("red_card_own", "number", 0.667, (0.0, 10.0), "Rate of a side for each own player sent off."),
        ("red_card_opponent", "number", 1.25, (0.0, 10.0), "Rate of a side for each opponent sent off."),
        ("stoppage_ms", "integers", (120_000, 300_000), (0, 3_600_000), "Added time expected, per half."),
    ),
    "models.tennis": (
        (
            "serve_mean",
            "number",
            0.61,
            (0.5, 0.9),
            "Mean of both serve levels where no games market is priced.",
        ),
        (
            "prior_points",
            "integer",
            100,
            (0, 1_000_000),
            "Points of evidence that each serve level is worth before the match; 0 if it is exactly known.",
        ),
    ),
    "models.racing": (
        ("model", "choice", "henery", ("sequential", "henery"), "How the runners are ordered."),
        (
            "exponents",
            "numbers",
            (0.76, 0.62, 0.56),
            (0.0, 2.0),
            "Of the second, the third and later positions, if sequential; 1.0 is Harville.",
        ),
        (
            "removal",
            "choice",
            "power",
            ("multiplicative", "power", "odds_ratio"),
            "How the margin is taken out of a feed's prices.",
        ),
    ),
    "rights.ingest": (
        ("roles", "roles", ("feed",), ("feed",), "What whoever connects to `ingest` without a key may do."),
        ("sources", "sources", ("*",), (), "The sources that it may name."),
    ),
    "rights.orders": (
        (
            "roles",
            "roles",
            ("orders", "wallet", "desk", "read"),
            ("orders", "wallet", "desk", "read"),
            "What whoever connects to `orders` without a key may do.",
        ),
        ("customers", "customers", ("*",), (), "The customers for whom it may bet."),
    ),
    "rights.snapshot": (
        ("roles", "roles", ("read",), ("read",), "What whoever connects to `snapshot` without a key may do."),
    ),
    "curve": (
        ("server_key_file", "path", None, (), "Secret key file of the server, from `oddsengine keygen`."),
    ),
    "curve.client": (
        (
            "name",
            "text",
            "",
            (),
            "Who it is: its name in the record. Absent: that of `key_file`, or the key.",
        ),
        ("key", "text", None, (), "The client's public key, 40 characters."),
        ("key_file", "path", None, (), "Or the file that holds it."),
        ("roles", "roles", None, ROLES, "What it may do; without any it may only subscribe."),
        ("sources", "sources", None, (), "The sources that the role `feed` may name."),
        ("customers", "customers", None, (), "The customers for whom the role `orders` may bet."),
        ("sockets", "names", None, SOCKET_NAMES, "The sockets that it may use. Absent: those of its roles."),
    ),
}
KEYS: tuple[Key, ...] = tuple(Key(section, *row) for section, rows in _TABLE.items() for row in rows)

_BY_SECTION: dict[str, dict[str, Key]] = {}
for _key in KEYS:
    for _name in _key.names:
        _BY_SECTION.setdefault(_key.section, {})[_name] = _key


@dataclass(frozen=True, slots=True)
class Sockets:
    """Where the engine listens, and how much may wait."""

    ingest: str = "tcp://127.0.0.1:5550"
    orders: str = "tcp://127.0.0.1:5551"
    odds: str = "tcp://127.0.0.1:5552"
    snapshot: str = "tcp://127.0.0.1:5553"
    desk: str = "tcp://127.0.0.1:5554"
    heartbeat_ms: int = 1_000
    ingest_queue_max: int = 128
    orders_queue_max: int = 1_000
    odds_queue_max: int = 20_000
    snapshot_queue_max: int = 512
    message_bytes_max: int = 131_072
    subscription_bytes_max: int = 262_144
    connections_max: int = 1_000
    stall_ms_max: int = 10_000
    memory_bytes_max: int = 2_147_483_648

    def endpoints(self) -> dict[str, str]:
        """The endpoint of each socket."""
        return {name: getattr(self, name) for name in SOCKET_NAMES}


@dataclass(frozen=True, slots=True)
class Journal:
    """Where commands are kept; ``path`` is ``None`` in memory."""

    path: Path | None = None
    snapshot_every: int = 200_000
    reader_seconds_max: int = 300
    reader_log_bytes_max: int = 1 << 30
    readers_kept: tuple[str, ...] = ()
    verify_at_start: str = "since_snapshot"
    compact: bool = False
    segment_bytes: int = 256 << 20
    segments: Path | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """Own models: a module that is found from the configuration's folder, or installed."""

    module: str | None = None
    folder: Path = Path()


@dataclass(frozen=True, slots=True)
class CurveClient:
    """A client that may connect."""

    public_key: bytes
    name: str
    sockets: tuple[str, ...]
    grants: Grants = field(default_factory=Grants)


@dataclass(frozen=True, slots=True)
class Curve:
    """Encryption: the server's keys and the clients it lets in."""

    server: KeyPair
    clients: tuple[CurveClient, ...]

    def allowed(self) -> dict[str, dict[bytes, str]]:
        """The public keys of the clients of each socket, with their names."""
        return {
            name: {client.public_key: client.name for client in self.clients if name in client.sockets}
            for name in SOCKET_NAMES
        }


@dataclass(frozen=True, slots=True)
class Rights:
    """What connections without a key may do, by socket."""

    sockets: Mapping[str, Grants]

    def as_dict(self, curve: Curve | None) -> dict[str, object]:
        """As the core takes it, with the rights of keys."""
        clients = () if curve is None else curve.clients
        return {
            "sockets": {name: grants.as_dict() for name, grants in self.sockets.items()},
            "keys": {client.name: client.grants.as_dict() for client in clients},
        }


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration. ``engine`` is what the core takes: amounts in minor units."""

    sockets: Sockets = field(default_factory=Sockets)
    journal: Journal = field(default_factory=Journal)
    engine: dict[str, object] = field(default_factory=lambda: parse({}, needs_journal=False).engine)
    curve: Curve | None = None
    models: Models = field(default_factory=Models)
    rights: Rights = field(default_factory=lambda: parse({}, needs_journal=False).rights)


def load(path: str | Path, *, needs_journal: bool = True) -> Settings:
    """Read a configuration file.

    Parameters
    ----------
    path
        A TOML file, see ``docs/config.md``.
    needs_journal
        Refuse a file that says neither where the journal is nor that there is none.

    Raises
    ------
    ConfigError
        The file cannot be read, holds an unknown key or a value outside its range.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read configuration {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not TOML: it is not UTF-8") from error
    try:
        return parse(tables, folder=path.parent, needs_journal=needs_journal)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse(tables: Mapping[str, Any], *, folder: Path = Path(), needs_journal: bool = True) -> Settings:
    """Check tables as TOML gives them.

    Examples
    --------
    >>> parse({"limits": {"stake_max": "500.00"}}, needs_journal=False).engine["stake_minor_max"]
    50000
    >>> parse({"limits": {"stake_maximum": "500.00"}})
    Traceback (most recent call last):
    oddsengine.config.ConfigError: [limits] stake_maximum is not a known key
    hint: did you mean stake_max?
    """
    flat = _sections(tables)
    currency = _currency(flat.get("book", {}))
    values: dict[str, dict[str, Any]] = {}
    for section in _BY_SECTION:
        if section != "curve.client":
            values[section] = _section(section, flat.get(section, {}), currency)
    engine = _engine(values, currency)
    curve = _curve(values["curve"], flat, folder)
    sockets = Sockets(**values["sockets"])
    _check_open_endpoints(sockets, curve)
    rights = _rights(values, flat, sockets, curve)
    journal = _journal(values["journal"], folder, needs_journal)
    models = Models(values["models"]["module"], folder)
    return Settings(sockets, journal, engine, curve, models, rights)


def _sections(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables as ``"models.football": {...}``; unknown sections are errors."""
    flat: dict[str, Any] = {}
    parents = {section.split(".")[0] for section in _BY_SECTION if "." in section}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{name} = {table!r} stands outside a section{_home(name)}")
        if name not in _BY_SECTION and name not in parents:
            raise ConfigError(f"[{name}] is not a known section{_hint(name, _BY_SECTION)}")
        own = {}
        for key, value in table.items():
            nested = f"{name}.{key}"
            if nested in _BY_SECTION:
                flat[nested] = value
            elif isinstance(value, dict) and name in parents:
                known = [section for section in _BY_SECTION if section.startswith(f"{name}.")]
                raise ConfigError(f"[{nested}] is not a known section{_hint(nested, known)}")
            else:
                own[key] = value
        flat[name] = own
    for name, table in flat.items():
        if name in parents and name not in _BY_SECTION and table:
            raise ConfigError(f"[{name}] {next(iter(table))} is not a known key")
    return flat


def _home(name: str) -> str:
    """The section in which a key belongs."""
    sections = [section for section, keys in _BY_SECTION.items() if name in keys]
    return f"\nhint: it belongs in [{sections[0]}]" if sections else ""


def _hint(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.4)
    return f"\nhint: did you mean {near[0]}?" if near else ""


def _currency(book: Mapping[str, Any]) -> str:
    currency = book.get("currency", "EUR")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise ConfigError(f"[book] currency {currency!r} is not three upper-case letters")
    return currency


def _section(section: str, table: Any, currency: str) -> dict[str, Any]:
    """The values of one section by canonical name, defaults included."""
    if not isinstance(table, dict):
        raise ConfigError(f"{section} is {table!r}, not a section")
    known = _BY_SECTION[section]
    values: dict[str, Any] = {key.name: key.default for key in known.values()}
    seen: dict[str, str] = {}
    for name, value in table.items():
        key = known.get(name)
        if key is None:
            raise ConfigError(f"[{section}] {name} is not a known key{_hint(name, known)}")
        if key.name in seen:
            raise ConfigError(f"[{section}] {seen[key.name]} and {name} say the same thing; keep one")
        seen[key.name] = name
        values[key.name] = _value(key, name, value, currency)
    return values


def _value(key: Key, name: str, value: Any, currency: str) -> Any:
    where = f"[{key.section}] {name}"
    match key.kind:
        case "integer" | "number":
            return _within(key, where, value)
        case "integers" | "numbers":
            count = len(key.default)
            if not isinstance(value, list) or len(value) != count:
                raise ConfigError(f"{where} {value!r} is not a list of {count} numbers")
            return [_within(key, f"{where}[{index}]", item) for index, item in enumerate(value)]
        case "amount":
            return (
                _minor(key, where, value) if name == key.minor_name else _major(key, where, value, currency)
            )
        case "boolean" if not isinstance(value, bool):
            raise ConfigError(f"{where} {value!r} is not true or false")
        case "choice" if value not in key.takes:
            near = _hint(value, key.takes) if isinstance(value, str) else ""
            raise ConfigError(f"{where} {value!r} is not one of {key.allowed()}{near}")
        case "names" if not isinstance(value, list) or not value or not set(value) <= set(key.takes):
            raise ConfigError(f"{where} {value!r} is not a list of {key.allowed()}")
        case "roles":
            return _roles(key, where, value)
        case "sources" | "customers" if not isinstance(value, list):
            raise ConfigError(f"{where} {value!r} is not a list")
        case "sources" | "customers":
            try:
                _ = source_patterns(value) if key.kind == "sources" else customer_ranges(value)
            except RightsError as error:
                raise ConfigError(f"{where} {error}") from error
            return tuple(value)
        case "programs":
            return _programs(where, value)
        case "windows":
            return _windows(key, where, value, currency)
        case "corrections":
            return _corrections(where, value)
        case "endpoint":
            return _endpoint(where, value)
        case "text" | "path" if not isinstance(value, str) or not value:
            raise ConfigError(f"{where} {value!r} is not a text")
    return value


_WINDOW = re.compile(
    r"(?P<name>[!-~]{1,16}) (?P<most>[0-9.]+) per (?P<per>selection|market|fixture|customer)"
    r" in (?P<count>[0-9]{1,9})(?P<unit>ms|s|min|h|d)"
)
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def _windows(key: Key, where: str, value: Any, currency: str) -> tuple[tuple[str, str, int, int], ...]:
    """Stake windows as the core takes them: name, over what, milliseconds, minor units."""
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where} {value!r} is not a list")
    windows = []
    for item in value:
        found = _WINDOW.fullmatch(item) if isinstance(item, str) else None
        if found is None:
            raise ConfigError(
                f"{where} {item!r} is no stake window\n"
                'hint: name, most, over what and time: "day 100.00 per selection in 24h"'
            )
        most_minor = _major(key, f"{where} {found['name']}", found["most"], currency)
        period_ms = int(found["count"]) * _UNIT_MS[found["unit"]]
        windows.append((found["name"], found["per"], period_ms, most_minor))
    return tuple(windows)


def _programs(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"{where} {value!r} is not a list")
    for name in value:
        if not isinstance(name, str) or not 1 <= len(name) <= PROGRAM_NAME_CHARS_MAX:
            raise ConfigError(f"{where} {name!r} is not a name of 1 to {PROGRAM_NAME_CHARS_MAX} characters")
    return tuple(value)


def _roles(key: Key, where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"{where} {value!r} is not a list of {key.allowed()}")
    for role in value:
        if role not in key.takes:
            near = _hint(role, key.takes) if isinstance(role, str) else ""
            raise ConfigError(f"{where} {role!r} is not one of {key.allowed()}{near}")
    return tuple(dict.fromkeys(value))


def _within(key: Key, where: str, value: Any) -> Any:
    number = _integer(where, value) if key.kind.startswith("integer") else _number(where, value)
    low, high = key.takes
    if not low <= number <= high:
        raise ConfigError(f"{where} {value} is outside {low}..={high}")
    return number


def _integer(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{where} {value!r} is not an integer")
    return value


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where} {value!r} is not a number")
    return float(value)


def _minor(key: Key, where: str, value: Any) -> int:
    """An amount written as an integer of minor units."""
    amount, (low, high) = _integer(where, value), key.takes
    if not low <= amount <= high:
        raise ConfigError(f"{where} {amount} is outside {low}..={high}")
    return amount


def _major(key: Key, where: str, value: Any, currency: str) -> int:
    """An amount written as decimal text, in minor units."""
    hint = f'\nhint: write {key.name} = "{money(10_000, currency)}" or {key.minor_name} = 10000'
    if not isinstance(value, str):
        raise ConfigError(f"{where} {value!r} is not an amount in quotes{hint}")
    try:
        amount = Decimal(value).scaleb(minor_digits(currency))
    except InvalidOperation as error:
        raise ConfigError(f"{where} {value!r} is not an amount{hint}") from error
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise ConfigError(f"{where} {value!r} is not an amount with {minor_digits(currency)} decimals")
    low, high = key.takes
    if not low <= amount <= high:
        raise ConfigError(f"{where} {value} is outside {key.allowed(currency)}")
    return int(amount)


def _endpoint(where: str, value: Any) -> str:
    scheme, found, address = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not found or scheme not in ("tcp", "ipc") or not address:
        raise ConfigError(
            f"{where} {value!r} is not an endpoint such as tcp://127.0.0.1:5550 or ipc:///run/odds"
        )
    if scheme == "tcp":
        port = address.rpartition(":")[2]
        if port != "*" and not (port.isdecimal() and int(port) <= 65_535):
            raise ConfigError(f"{where} {value!r} has no port in 0..=65535")
    return str(value)


def _engine(values: Mapping[str, Mapping[str, Any]], currency: str) -> dict[str, object]:
    """The dictionary that the core takes."""
    book, limits = values["book"], values["limits"]
    if book["odds_max"] < book["odds_min"]:
        raise ConfigError(f"[book] odds_max {book['odds_max']} is below odds_min {book['odds_min']}")
    if limits["stake_max"] < limits["stake_min"]:
        low, high = (money(limits[name], currency) for name in ("stake_min", "stake_max"))
        raise ConfigError(f"[limits] stake_max {high} is below stake_min {low}")
    amounts = {
        key.minor_name: values[key.section][key.name]
        for key in KEYS
        if key.kind == "amount" and key.section == "limits"
    }
    return {
        "currency": currency,
        "margin": {"method": values["margin"]["method"], "booksum": values["margin"]["booksum"]},
        "ladder": book["ladder"],
        "odds_min": book["odds_min"],
        "odds_max": book["odds_max"],
        "skew_b_minor": book["skew_b"],
        "bet_delay_ms": book["bet_delay_ms"],
        "feed_silence_ms": book["feed_silence_ms"],
        "start_grace_ms": book["start_grace_ms"],
        "manual_tolerance": book["manual_tolerance"],
        "price_jump": book["price_jump"],
        "fixtures_max": book["fixtures_max"],
        **amounts,
        "legs_max": limits["legs_max"],
        "bets_while_owing": limits["bets_while_owing"],
        "settlement_delay_ms": limits["settlement_delay_ms"],
        "stake_windows": list(limits["stake_windows"]),
        "referral_ms": limits["referral_ms"],
        "referral_takes_unanswered": limits["referral_takes_unanswered"],
        "offer_ms": limits["offer_ms"],
        "improvement": limits["improvement"],
        "limit_increase_ms": limits["limit_increase_ms"],
        "archive_after_ms": limits["archive_after_ms"],
        "archive_refused_after_ms": limits["archive_refused_after_ms"],
        "archive_fixture_after_ms": limits["archive_fixture_after_ms"],
        "archive_money_after_ms": limits["archive_money_after_ms"],
        "settlement": _settlement(values["settlement"]),
        "models": {
            section.removeprefix("models."): {name: _listed(value) for name, value in table.items()}
            for section, table in values.items()
            if section.startswith("models.")
        },
    }


def _settlement(values: Mapping[str, Any]) -> dict[str, Any]:
    rules = []
    # Version 1 is to settle anew, where nobody says otherwise.
    said = () if values["corrections"] == ("resettle",) else values["corrections"]
    for version, correction in enumerate(said, start=1):
        name, _, window_ms = correction.partition(":")
        rules.append({"version": version, "correction": name, "window_ms": int(window_ms or 0)})
    return {
        "approval_above_minor": values["approval_above"],
        "approval_expires_ms": values["approval_expires_ms"],
        "provisional_pays_after_ms": values["provisional_pays_after_ms"],
        "past_post_voids": values["past_post_voids"],
        "rules": rules,
    }


def _corrections(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= HOUSE_RULES_MAX:
        raise ConfigError(f"{where} {value!r} is not a list of 1 to {HOUSE_RULES_MAX} rules")
    for item in value:
        name, _, window = item.partition(":") if isinstance(item, str) else ("", "", "")
        is_window = name == "within" and window.isascii() and window.isdecimal() and int(window) <= YEAR_MS
        if not is_window and item not in CORRECTIONS:
            allowed = ", ".join(CORRECTIONS)
            raise ConfigError(f"{where} {item!r} is not one of {allowed}, within:0 to within:{YEAR_MS}")
    return tuple(value)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _journal(values: Mapping[str, Any], folder: Path, needs_journal: bool) -> Journal:
    path, in_memory = values["path"], values["in_memory"]
    if path is not None and in_memory:
        raise ConfigError("[journal] path and in_memory = true exclude each other; keep one")
    if path is None and not in_memory and needs_journal:
        raise ConfigError(
            "[journal] path is missing\n"
            'hint: write path = "journal.db", or in_memory = true if everything may be lost at the end'
        )
    segments = values["segments"]
    return Journal(
        None if path is None else folder / path,
        values["snapshot_every"],
        values["reader_seconds_max"],
        values["reader_log_bytes_max"],
        tuple(values["readers_kept"]),
        values["verify_at_start"],
        values["compact"],
        values["segment_bytes"],
        None if segments is None else folder / segments,
    )


def _curve(values: Mapping[str, Any], flat: Mapping[str, Any], folder: Path) -> Curve | None:
    clients = flat.get("curve.client", [])
    if values["server_key_file"] is None:
        if "curve" in flat:
            raise ConfigError("[curve] server_key_file is missing\nhint: oddsengine keygen server")
        return None
    if not isinstance(clients, list) or not clients:
        raise ConfigError("[curve] lets nobody in\nhint: add a [[curve.client]] with a key for each client")
    try:
        server = read_keys(folder / values["server_key_file"], secret=True)
        curve = Curve(server, tuple(_client(client, folder) for client in clients))
    except KeyFileError as error:
        raise ConfigError(f"[curve] {error}") from error
    _check_clients(curve.clients)
    return curve


def _client(table: Any, folder: Path) -> CurveClient:
    values = _section("curve.client", table, "EUR")
    if (values["key"] is None) == (values["key_file"] is None):
        raise ConfigError("[[curve.client]] needs either key or key_file")
    if values["key"] is not None:
        key = public_key(values["key"])
        name = values["name"] or key.decode()
    else:
        path = folder / values["key_file"]
        key = read_keys(path, secret=False).public
        name = values["name"] or path.stem
    where = f"[[curve.client]] {name}"
    if not name.isprintable() or len(name.encode()) > NAME_BYTES_MAX:
        raise ConfigError(f"[[curve.client]] name {name!r} is not 1 to {NAME_BYTES_MAX} printable bytes")
    if name in SOCKET_NAMES:
        # In the record the name of a socket stands for whoever connected to it without a key.
        raise ConfigError(f'{where} is the name of a socket\nhint: give it another one, as name = "{name}-1"')
    if values["roles"] is None:
        return CurveClient(key, name, _subscriber_sockets(where, values))
    grants = _grants(where, values)
    by_role = {socket for role in grants.roles for socket in ROLE_SOCKETS[role]}
    sockets = values["sockets"] or [socket for socket in SOCKET_NAMES if socket in by_role]
    return CurveClient(key, name, tuple(sockets), grants)


def _subscriber_sockets(where: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The sockets of a client without roles: it may ask nothing."""
    sockets = values["sockets"] or SOCKET_NAMES
    asks = [name for name in sockets if name not in ("odds", "desk")]
    if asks:
        raise ConfigError(
            f"{where} has no roles, and it may connect to {', '.join(asks)}\n"
            f"hint: say what it may do there: roles = [...] of {', '.join(ROLES)}, with "
            'sources = ["*"] for feed and customers = ["*"] for orders'
        )
    _grants(where, values)
    return tuple(sockets)


def _grants(where: str, values: Mapping[str, Any]) -> Grants:
    """What the keys `roles`, `sources` and `customers` of one section say together."""
    roles = values["roles"] or ()
    for role, name in (("feed", "sources"), ("orders", "customers")):
        if role in roles and values.get(name) is None:
            raise ConfigError(
                f'{where} has the role {role} without {name}\nhint: {name} = ["*"] are all of them'
            )
        if role not in roles and values.get(name) is not None:
            raise ConfigError(f"{where} has {name} without the role {role}")
    return Grants(roles, values.get("sources") or (), values.get("customers") or ())


def _check_clients(clients: tuple[CurveClient, ...]) -> None:
    """A key has one name, and a name one set of rights; so a client may have an old and a new key."""
    grants: dict[str, Grants] = {}
    names: dict[bytes, str] = {}
    for client in clients:
        where = f"[[curve.client]] {client.name}"
        if client.public_key in names:
            raise ConfigError(f"{where} has the key of {names[client.public_key]}: a key is listed once")
        names[client.public_key] = client.name
        if grants.setdefault(client.name, client.grants) != client.grants:
            raise ConfigError(f"{where} is there twice, with different roles, sources or customers")


def _rights(
    values: Mapping[str, Mapping[str, Any]],
    flat: Mapping[str, Any],
    sockets: Sockets,
    curve: Curve | None,
) -> Rights:
    endpoints, grants = sockets.endpoints(), {}
    for section in _BY_SECTION:
        parent, _, name = section.partition(".")
        if parent != "rights":
            continue
        given = flat.get(section, {})
        if given and curve is not None and endpoints[name].startswith("tcp"):
            raise ConfigError(
                f"[{section}] is about connections without a key, and with [curve] {endpoints[name]} "
                "takes none\nhint: give roles to each [[curve.client]]"
            )
        of_section = dict(values[section])
        for role, item in (("feed", "sources"), ("orders", "customers")):
            # A default is nothing without its role.
            if role not in of_section["roles"] and item not in given:
                of_section[item] = None
        grants[name] = _grants(f"[{section}]", of_section)
    return Rights(grants)


def is_local(endpoint: str) -> bool:
    """Only this host can reach it: ``ipc``, or ``tcp`` on a loopback address.

    Examples
    --------
    >>> is_local("ipc:///run/odds"), is_local("tcp://127.0.0.1:5550"), is_local("tcp://*:5550")
    (True, True, False)
    """
    scheme, _, address = endpoint.partition("://")
    if scheme == "ipc":
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host in ("localhost", "lo"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_open_endpoints(sockets: Sockets, curve: Curve | None) -> None:
    if curve is not None:
        return
    for name, endpoint in sockets.endpoints().items():
        if not is_local(endpoint):
            raise ConfigError(
                f"[sockets] {name} {endpoint} is open to other hosts, and there is no [curve] section\n"
                'hint: oddsengine keygen server; then [curve] server_key_file = "server.key_secret" and a '
                "[[curve.client]] for each client; or listen on 127.0.0.1"
            )


assert {item.name for item in fields(Sockets)} == set(_BY_SECTION["sockets"])


def label(key: Key) -> str:
    """A key with its section, as in ``docs/config.md``.

    >>> label(KEYS[0])
    'sockets.ingest'
    """
    return f"{key.section}.{key.name}"


def default_text(key: Key) -> str:
    """The default as it would stand in the file."""
    match key.default:
        case None | "":
            return "–"
        case bool():
            return f"`{str(key.default).lower()}`"
        case int() if key.kind == "amount":
            return f'`"{money(key.default, "EUR")}"`'
        case tuple() if key.kind in ("roles", "sources", "customers", "programs", "windows", "corrections"):
            return f"`{json.dumps(key.default)}`"
        case tuple():
            return f"`{list(key.default)}`"
        case str():
            return f'`"{key.default}"`'
        case _:
            return f"`{key.default}`"


def table() -> str:
    """The reference of all keys in Markdown, for ``docs/config.md``."""
    rows = (f"| `{label(key)}` | {default_text(key)} | {key.allowed()} | {key.text} |" for key in KEYS)
    return "\n".join(["| key | default | takes | what |", "|---|---|---|---|", *rows])


_signatures.shorten(__name__)
