"""Exit codes of the commands, as in docs/operations.md."""

from __future__ import annotations

from oddsengine.exceptions import JournalError

__all__ = [
    "EXIT_BUSY",
    "EXIT_DAMAGED",
    "EXIT_INTERRUPTED",
    "EXIT_OK",
    "EXIT_POISONED",
    "EXIT_RECORD",
    "EXIT_UNUSABLE",
    "exit_code_of",
]

EXIT_OK = 0
# `verify` and `replay`: not as it was written, or an invariant does not hold. Python ends a bug with it.
EXIT_DAMAGED = 1
# Somebody has to correct something first: configuration, path, damage, currency.
EXIT_UNUSABLE = 2
# `serve` stopped itself: the journal cannot be written, or a command made the engine panic.
EXIT_POISONED = 3
# Starting again may help: in use, locked, a full disk.
EXIT_BUSY = 4
# A record of the journal cannot be applied: it needs an operator's decision.
EXIT_RECORD = 5
EXIT_INTERRUPTED = 130


def exit_code_of(error: BaseException) -> int:
    """The code of a command that ends with this error."""
    if isinstance(error, JournalError) and error.code == "record":
        return EXIT_RECORD
    return EXIT_BUSY if getattr(error, "is_transient", False) else EXIT_UNUSABLE
