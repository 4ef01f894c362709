"""What the package sends, as JSON: the values of NumPy's numbers and arrays are taken as they are."""

from collections.abc import Mapping
from typing import Any

import orjson

from oddsengine.exceptions import BoundsError

__all__ = ["dumps"]


def dumps(message: Mapping[str, Any]) -> bytes:
    """A message as bytes.

    Raises
    ------
    BoundsError
        A value that JSON has no word for; it is named by its field.
    """
    try:
        return orjson.dumps(message, _value, orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError as error:
        reason = error.__cause__ or error
        raise BoundsError(f"{_place(message)} cannot be sent: {reason}") from error


def _value(value: Any) -> Any:
    # NumPy is loaded by whoever has such a value.
    if type(value).__module__.partition(".")[0] == "numpy":
        from oddsengine import _arrays

        return _arrays.json_value(value)
    raise TypeError(f"{type(value).__name__} is no value of JSON")


def _place(message: Mapping[str, Any]) -> str:
    """The first field that cannot be encoded alone."""
    for name, value in message.items():
        try:
            orjson.dumps(value, _value, orjson.OPT_SERIALIZE_NUMPY)
        except orjson.JSONEncodeError:
            return f"{name!s}"
    return "the message"
