"""Projections: the facts of a journal as tables that SQL can ask (docs/projections.md).

A `Follower` reads what the journal has acknowledged and keeps tables of it in SQLite or PostgreSQL. It
never holds the engine
up, and its tables can be built anew from the journal at any time, to the same content.

>>> from oddsengine.projection import TABLES
>>> [table.name for table in TABLES][:4]
['fixtures', 'incidents', 'results', 'tickets']
"""

from __future__ import annotations

from oddsengine import _signatures
from oddsengine.projection._follow import (
    BATCH_RECORDS_MAX,
    POLL_S_MAX,
    POLL_S_MIN,
    Check,
    Follower,
    Progress,
    check,
    default_path,
    follow,
    open_store,
)
from oddsengine.projection._schema import SCHEMA_VERSION, TABLES, Column, Table
from oddsengine.projection._sqlite import SqliteStore
from oddsengine.projection._store import Batch, Position, ProjectionError, Store, table_hashes
from oddsengine.projection._views import VIEWS, View

__all__ = [
    "BATCH_RECORDS_MAX",
    "POLL_S_MAX",
    "POLL_S_MIN",
    "SCHEMA_VERSION",
    "TABLES",
    "VIEWS",
    "Batch",
    "Check",
    "Column",
    "Follower",
    "Position",
    "Progress",
    "ProjectionError",
    "SqliteStore",
    "Store",
    "Table",
    "View",
    "check",
    "default_path",
    "follow",
    "open_store",
    "table_hashes",
]

_signatures.shorten(__name__)
