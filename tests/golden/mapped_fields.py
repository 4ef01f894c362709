"""Fields of a case, and which of them were read: a field that a runner skips is a test of something else."""

from __future__ import annotations

from typing import Any

Json = Any


class NotMappedError(Exception):
    """A field, or a value of one, that the runner has no argument for."""


class Fields:
    """An object of a case."""

    def __init__(self, values: dict[str, Json], path: str = "") -> None:
        self._values, self._path = values, path
        self._taken: set[str] = set()
        self._parts: list[Fields] = []

    def take(self, name: str, *default: Json) -> Json:
        """A field, which counts as mapped from now on; objects in it have fields of their own."""
        if name not in self._values:
            if default:
                return default[0]
            raise NotMappedError(f"there is no field {self._path}{name}")
        self._taken.add(name)
        value = self._values[name]
        if isinstance(value, dict):
            return self._part(value, f"{name}.")
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            return [self._part(item, f"{name}[{place}].") for place, item in enumerate(value)]
        return value

    def whole(self, name: str) -> Json:
        """A field with all that is in it, for comparing."""
        self._taken.add(name)
        return self._values[name]

    def label(self, name: str) -> None:
        """A field that describes and changes nothing."""
        self._taken.add(name)

    def only(self, name: str, *known: Json) -> Json:
        """A field that may be absent and has these values and no other."""
        if name not in self._values:
            return None
        value = self.take(name)
        if value not in known:
            raise NotMappedError(
                f"field {self._path}{name} {value!r} is none of {', '.join(map(repr, known))}"
            )
        return value

    def has(self, name: str) -> bool:
        """Whether there is such a field; it is not taken by that."""
        return name in self._values

    def left(self) -> list[str]:
        """The fields that nothing took."""
        own = [f"{self._path}{name}" for name in self._values if name not in self._taken]
        return own + [name for part in self._parts for name in part.left()]

    def _part(self, values: dict[str, Json], path: str) -> Fields:
        part = Fields(values, self._path + path)
        self._parts.append(part)
        return part
