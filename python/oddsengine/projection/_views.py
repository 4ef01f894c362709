"""The views of a projection: what reports ask. Stable: a view keeps its columns as long as the schema its
version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oddsengine.projection._schema import Dialect

__all__ = ["VIEWS", "View"]


@dataclass(frozen=True, slots=True)
class View:
    """A view: its columns with a word on each, and its query. `{day:COLUMN}` is the day (UTC) of
    nanoseconds.
    """

    name: str
    note: str
    columns: Mapping[str, str]
    query: str

    def sql(self, dialect: Dialect) -> str:
        """The statement that makes it."""
        query = self.query
        while (at := query.find("{day:")) >= 0:
            end = query.index("}", at)
            query = query[:at] + _day(query[at + 5 : end], dialect) + query[end + 1 :]
        return f"CREATE VIEW {self.name} ({', '.join(self.columns)}) AS {query}"


def _day(column: str, dialect: Dialect) -> str:
    if dialect == "sqlite":
        return f"date({column} / 1000000000, 'unixepoch')"
    if dialect == "duckdb":
        return f"strftime(make_timestamp({column} // 1000), '%Y-%m-%d')"
    return f"to_char(to_timestamp({column} / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


VIEWS: tuple[View, ...] = (
    View(
        "bets",
        "A bet. At present every ticket is one bet: on its leg, or on all of them.",
        {
            "ticket": "the ticket",
            "bet": "its place, from 0",
            "customer": "who bets",
            "currency": "of stake and payment",
            "kind": "`single` or `multiple`",
            "leg_count": "its legs",
            "stake_minor": "the stake",
            "odds_e4": "the product of its legs' odds",
            "state": "as in `tickets`",
            "payout_minor_max": "paid if every leg wins",
            "paid_minor": "what has been paid, stake included",
            "day": "the day of its decision (UTC), `YYYY-MM-DD`",
        },
        "SELECT ticket, 0, customer, currency, plan, leg_count, stake_minor, odds_e4, state,"
        " payout_minor_max,"
        " paid_minor, {day:decided_ns} FROM tickets WHERE state IN ('accepted', 'settled', 'cancelled')",
    ),
    View(
        "ledger_lines",
        "One side of money that moved: a booking has two, and they sum to 0.",
        {
            "seq": "the record",
            "number": "the fact within it",
            "booking": "the booking within the fact",
            "time_ns": "when it was booked",
            "account": "which account",
            "customer": "whose it is; empty for the house",
            "currency": "ISO 4217",
            "amount_minor": "what came to the account; below 0 what left it",
            "origin": "`transfer` or `ticket`",
            "transaction_id": "the transfer's or ticket's id",
            "other_account": "where it came from or went to",
            "cause": "the command that led to it",
        },
        "SELECT seq, number, booking, time_ns, debit_account, coalesce(debit_customer, ''), currency,"
        " -amount_minor,"
        " origin, transaction_id, credit_account, cause FROM postings WHERE kind IN ('moved', 'posted')"
        " UNION ALL "
        "SELECT seq, number, booking, time_ns, credit_account, coalesce(credit_customer, ''), currency,"
        " amount_minor,"
        " origin, transaction_id, debit_account, cause FROM postings WHERE kind IN ('moved', 'posted')",
    ),
    View(
        "statements",
        "What a customer's account statement shows: every movement of cash, with the balance after it.",
        {
            "customer": "whose it is",
            "currency": "ISO 4217",
            "seq": "the record",
            "number": "the fact within it",
            "booking": "the booking within the fact",
            "time_ns": "when it was booked",
            "cause": "the command that led to it",
            "transaction_id": "the transfer's or ticket's id",
            "other_account": "where it came from or went to",
            "amount_minor": "what came; below 0 what left",
            "balance_minor": "the balance of cash after it",
        },
        "SELECT customer, currency, seq, number, booking, time_ns, cause, transaction_id, other_account,"
        " amount_minor,"
        " CAST(sum(amount_minor) OVER (PARTITION BY customer, currency ORDER BY seq, number, booking,"
        " amount_minor) AS bigint) FROM ledger_lines WHERE account = 'customer_cash'",
    ),
    View(
        "settlement_changes",
        "Every change of what a ticket has been paid, with what it was before.",
        {
            "ticket": "the ticket",
            "seq": "the record",
            "number": "the fact within it",
            "time_ns": "when",
            "day": "its day (UTC), `YYYY-MM-DD`",
            "kind": "`paid`, `resettled`, `reopened`, `cancelled`",
            "paid_minor": "what it has been paid from then on",
            "paid_minor_before": "what it had been paid before; 0 for the first",
            "is_reversal": "1 where an earlier settlement was taken back",
            "cause": "the command that led to it",
            "channel": "`feed`, `desk` or `runtime`",
            "source": "what its sender calls itself",
            "key_name": "the key of its connection, or the socket",
            "service": "the service behind the key",
            "staff": "the member of staff",
        },
        "SELECT ticket, seq, number, time_ns, {day:time_ns}, kind, paid_minor,"
        " coalesce(lag(paid_minor) OVER w, 0),"
        " CASE WHEN kind IN ('resettled', 'reopened') OR (kind = 'cancelled'"
        " AND lag(kind) OVER w IN ('paid', 'resettled')) THEN 1 ELSE 0 END,"
        " cause, channel, source, key_name, service, staff FROM settlements"
        " WHERE kind IN ('paid', 'resettled', 'reopened', 'cancelled')"
        " WINDOW w AS (PARTITION BY ticket ORDER BY seq, number)",
    ),
    View(
        "turnover",
        "Turnover and margin of settled bets by day and sport; bets over several sports are `mixed`.",
        {
            "day": "the day of the decision (UTC), `YYYY-MM-DD`",
            "sport": "the sport",
            "currency": "ISO 4217",
            "bet_count": "settled bets",
            "stake_minor": "their stakes",
            "paid_minor": "what they were paid, stake included",
            "result_minor": "stakes less what was paid",
            "margin_e4": "the result as a share of the stakes, in ten-thousandths, rounded towards 0",
        },
        "SELECT b.day, s.sport, b.currency, count(*), CAST(sum(b.stake_minor) AS bigint),"
        " CAST(sum(b.paid_minor) AS bigint), CAST(sum(b.stake_minor - b.paid_minor) AS bigint),"
        " CAST(sum(b.stake_minor - b.paid_minor) AS bigint) * 10000 / CAST(sum(b.stake_minor) AS bigint)"
        " FROM bets b JOIN (SELECT l.ticket AS ticket,"
        " CASE WHEN min(f.sport) = max(f.sport) THEN min(f.sport) ELSE 'mixed' END AS sport"
        " FROM legs l JOIN fixtures f ON f.fixture = l.fixture GROUP BY l.ticket) s ON s.ticket = b.ticket"
        " WHERE b.state = 'settled' GROUP BY b.day, s.sport, b.currency",
    ),
    View(
        "open_liability",
        "Open bets by selection: what would be paid if it, and every other leg of its tickets, won. A sum"
        " over tickets, not"
        " the engine's joint worst case.",
        {
            "fixture": "the fixture",
            "market": "the market's key",
            "selection": "the selection",
            "currency": "ISO 4217",
            "ticket_count": "open tickets with a leg on it",
            "stake_minor": "their stakes",
            "payout_minor_max": "paid if all of their legs win",
        },
        "SELECT l.fixture, l.market, l.selection, t.currency, count(*), CAST(sum(t.stake_minor) AS bigint),"
        " CAST(sum(t.payout_minor_max) AS bigint) FROM legs l JOIN tickets t ON t.ticket = l.ticket"
        " WHERE t.state = 'accepted' AND l.grade = 'open' GROUP BY l.fixture, l.market, l.selection,"
        " t.currency",
    ),
    View(
        "closing_prices",
        "The closing price of a selection: what the last decision before the start saw. Boards are no"
        " part of a journal, so a"
        " selection on which nobody asked for a bet has none.",
        {
            "fixture": "the fixture",
            "market": "the market's key",
            "selection": "the selection",
            "seq": "the record of that decision",
            "time_ns": "when it was",
            "offered_odds_e4": "odds offered then",
            "fair_probability_e9": "the fair probability then",
        },
        "SELECT fixture, market, selection, seq, time_ns, offered_odds_e4, fair_probability_e9 FROM ("
        "SELECT p.fixture, p.market, p.selection, p.seq, p.time_ns, p.offered_odds_e4, p.fair_probability_e9,"
        " row_number() OVER (PARTITION BY p.fixture, p.market, p.selection ORDER BY p.seq DESC, p.number"
        " DESC)"
        " AS place FROM price_decisions p JOIN fixtures f ON f.fixture = p.fixture"
        " WHERE p.offered_odds_e4 > 0"
        " AND p.time_ns < CASE WHEN f.started_ns > 0 THEN f.started_ns ELSE f.start_ns END) AS ranked"
        " WHERE place = 1",
    ),
    View(
        "closing_value",
        "Accepted legs against the closing price of their selection; places of each-way legs have none.",
        {
            "ticket": "the ticket",
            "leg": "the leg",
            "customer": "who bets",
            "fixture": "the fixture",
            "market": "the market's key",
            "selection": "the selection",
            "odds_e4": "the odds of the bet",
            "closing_odds_e4": "the closing odds",
            "closing_fair_probability_e9": "the fair probability then",
            "odds_above_closing_e4": "the odds of the bet as a multiple of the closing odds, less 1, in"
            " ten-thousandths, rounded towards 0",
        },
        "SELECT l.ticket, l.leg, t.customer, l.fixture, l.market, l.selection, l.odds_e4, c.offered_odds_e4,"
        " c.fair_probability_e9, (l.odds_e4 - c.offered_odds_e4) * 10000 / c.offered_odds_e4"
        " FROM legs l JOIN tickets t ON t.ticket = l.ticket JOIN closing_prices c"
        " ON c.fixture = l.fixture AND c.market = l.market AND c.selection = l.selection"
        " WHERE t.state IN ('accepted', 'settled') AND l.odds_e4 > 0 AND l.place_fraction_of = 0",
    ),
)
