"""Clients of a running engine: odds, orders, desk, feed.

Every client lives in one thread and does its work inside its own calls, so all of them can be used from a
notebook; :meth:`OddsClient.start` moves one into a thread of its own.

>>> from oddsengine.client import OddsClient, OrdersClient
>>> with OddsClient() as odds, OrdersClient() as orders:  # doctest: +SKIP
...     odds.wait_joined()
...     board = odds.boards[1001]
...     ticket = orders.place_ticket(customer=42, legs=[board.leg("1x2", "home")], stake_minor=1000)
"""

from oddsengine import _signatures
from oddsengine._connection import CurveKeys, RefusedError, RequestError, RequestTimeoutError, new_id
from oddsengine._desk_client import DeskClient, DeskEvent
from oddsengine._desk_tables import DeskTables, events_table
from oddsengine._explain import Expectation, Explanation
from oddsengine._feed_client import FeedClient
from oddsengine._messages import (
    Alert,
    Balance,
    Bet,
    Board,
    Change,
    Done,
    EachWay,
    Exposure,
    ExposureLevel,
    FeedHealth,
    FixtureExposure,
    FixtureInfo,
    Handling,
    Heartbeat,
    Leg,
    LimitCheck,
    Market,
    MarketExposure,
    Markets,
    MaxStake,
    MoneyAnswer,
    Offer,
    Reason,
    Referral,
    SelectionExposure,
    Settlement,
    Ticket,
    TicketBet,
    TicketChange,
    TicketLeg,
    Times,
)
from oddsengine._odds_client import Counters, OddsClient
from oddsengine._orders_client import OrdersClient, ticket_request
from oddsengine._replies import Reply
from oddsengine._zap import KeyPair

__all__ = [
    "Alert",
    "Balance",
    "Bet",
    "Board",
    "Change",
    "Counters",
    "CurveKeys",
    "DeskClient",
    "DeskEvent",
    "DeskTables",
    "Done",
    "EachWay",
    "Expectation",
    "Explanation",
    "Exposure",
    "ExposureLevel",
    "FeedClient",
    "FeedHealth",
    "FixtureExposure",
    "FixtureInfo",
    "Handling",
    "Heartbeat",
    "KeyPair",
    "Leg",
    "LimitCheck",
    "Market",
    "MarketExposure",
    "Markets",
    "MaxStake",
    "MoneyAnswer",
    "OddsClient",
    "Offer",
    "OrdersClient",
    "Reason",
    "Referral",
    "RefusedError",
    "Reply",
    "RequestError",
    "RequestTimeoutError",
    "SelectionExposure",
    "Settlement",
    "Ticket",
    "TicketBet",
    "TicketChange",
    "TicketLeg",
    "Times",
    "events_table",
    "new_id",
    "ticket_request",
]

_signatures.shorten(__name__)
