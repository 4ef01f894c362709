"""The configuration of an engine in this process: the words of the file, in sections or flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oddsengine import _hints
from oddsengine.config import KEYS, ConfigError, Key, Settings, parse

# Sections of the file that an engine has; the others are of a process with sockets.
SECTIONS = ("book", "margin", "limits", "settlement", "models")
# Keys that stand outside a section under the name that they have in it.
FLAT: dict[str, Key] = {name: key for key in KEYS if key.section in ("book", "limits") for name in key.names}


def engine_config(config: Mapping[str, Any] | Settings | None) -> dict[str, object]:
    """What the core takes: only what was said, amounts in minor units.

    >>> engine_config({"limits": {"stake_max": "500.00"}, "bet_delay_ms": 0})
    {'bet_delay_ms': 0, 'stake_minor_max': 50000}
    >>> engine_config({"stake_maximum": 5})
    Traceback (most recent call last):
        ...
    oddsengine.config.ConfigError: stake_maximum is not a known key
    hint: did you mean stake_max?

    Raises
    ------
    ConfigError
        An unknown key or section, a value outside its range, or a key that is there twice.
    """
    if isinstance(config, Settings):
        return dict(config.engine)
    tables: dict[str, dict[str, Any]] = {}
    for name, given in (config or {}).items():
        value = _plain(given)
        if name in SECTIONS:
            if not isinstance(value, Mapping):
                raise ConfigError(f"{name} is {value!r}, not a section: a mapping of its keys")
            section = tables.setdefault(name, {})
            for key, item in value.items():
                _put(section, name, str(key), _plain(item))
        elif (key := FLAT.get(name)) is not None:
            if value is not None:
                _put(tables.setdefault(key.section, {}), key.section, name, value)
        else:
            raise ConfigError(_unknown(name))
    settings = parse(tables, needs_journal=False).engine
    said = {key.name for section in ("book", "limits") for key in _keys(tables.get(section, {}))}
    found = {
        name: settings[name]
        for name in settings
        if name in said or any(key.minor_name == name and key.name in said for key in KEYS)
    }
    found |= {name: settings[name] for name in ("margin", "settlement", "models") if name in tables}
    return found


def _put(section: dict[str, Any], name: str, key: str, value: Any) -> None:
    if key in section:
        raise ConfigError(f"[{name}] {key} is there twice: in its section and outside of it")
    section[key] = value


def _keys(table: Mapping[str, Any]) -> list[Key]:
    return [FLAT[name] for name in table if name in FLAT]


def _plain(value: Any) -> Any:
    """Numbers and lists of NumPy as those of Python; mappings as dictionaries."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _unknown(name: object) -> str:
    others = {key.section.split(".")[0] for key in KEYS} - set(SECTIONS)
    if name in others:
        return (
            f"{name} is not of an engine in this process\nhint: it belongs to the file of `oddsengine serve`"
        )
    near = _hints.hint(name, [*FLAT, *SECTIONS])
    return f"{name} is not a known key{near or f'{chr(10)}hint: keys are those of docs/config.md'}"
