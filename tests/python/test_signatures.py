"""Signatures as `help()` shows them.

What broke: 120 functions and classes had signatures of more than 200 characters, `tennis.calibrate_batch` one
of 2,043, because every alias was written out; `help()` began with a screenful of `_typing._array_like`.
"""

from __future__ import annotations

import importlib
import inspect
import pydoc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oddsengine import _signatures

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "site"))
MODULES = importlib.import_module("modules").public_modules()


def exported() -> Iterator[tuple[str, str, Any]]:
    """Module, title and object of everything public that can be called."""
    for module in MODULES:
        loaded = importlib.import_module("oddsengine" if module == "oddsengine" else f"oddsengine.{module}")
        for name in loaded.__all__:
            value = getattr(loaded, name)
            if inspect.ismodule(value) or not callable(value):
                continue
            yield module, name, value
            if not inspect.isclass(value):
                continue
            for attribute in dir(value):
                method = getattr(value, attribute)
                if not attribute.startswith("_") and (inspect.isfunction(method) or inspect.ismethod(method)):
                    yield module, f"{name}.{attribute}", method


PUBLIC = {f"{module}.{title}": value for module, title, value in exported()}


def shown(title: str, value: Any) -> str | None:
    try:
        return title.rsplit(".", 1)[-1] + str(inspect.signature(value))
    except (TypeError, ValueError):
        return None  # a type of the interpreter, or one of the core's


def test_no_signature_is_too_long() -> None:
    signatures = {title: text for title, value in PUBLIC.items() if (text := shown(title, value))}
    assert len(signatures) > 400
    long = {title: len(text) for title, text in signatures.items() if len(text) > 200}
    assert not long
    assert not [title for title, text in signatures.items() if "ForwardRef" in text or "_typing" in text]


def test_help_shows_them() -> None:
    text = pydoc.plain(pydoc.render_doc(PUBLIC["tennis.calibrate_batch"]))
    line = next(line for line in text.splitlines() if line.startswith("calibrate_batch("))
    assert len(line) <= 200
    assert "match_home" in line


@pytest.mark.parametrize(
    "title",
    [
        title
        for title, value in PUBLIC.items()
        if inspect.isfunction(value) and "__signature__" in vars(value)
    ],
)
def test_a_short_signature_has_every_argument_of_the_function(title: str) -> None:
    function = PUBLIC[title]
    said = inspect.signature(function).parameters
    real = inspect.Signature.from_callable(_unshortened(function)).parameters
    assert [(name, said[name].kind) for name in said] == [(name, real[name].kind) for name in real]
    required = inspect.Parameter.empty
    assert [p.default is required for p in said.values()] == [p.default is required for p in real.values()]


def functions() -> list[Any]:
    return [value for value in PUBLIC.values() if inspect.isfunction(value)]


def _unshortened(function: Any) -> Any:
    copy = type(function)(function.__code__, function.__globals__, function.__name__)
    copy.__defaults__, copy.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return copy if not hasattr(function, "__wrapped__") else _unshortened(function.__wrapped__)


def test_each_step_is_taken_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> Any:
        def function(first: int, *, second: str = "a long default", third: float | None = None) -> int:
            return first

        return function

    def shortened(most: int) -> str:
        function = made()
        monkeypatch.setattr(_signatures, "SIGNATURE_CHARACTERS_MAX", most)
        _signatures._shorten("f", function, False)
        return str(inspect.signature(function))

    assert "'float | None'" in shortened(200)
    assert all(
        len(str(inspect.signature(f))) <= _signatures._characters_max(f) for f in (made(), *functions())
    )
    whole = "(first: 'int', *, second: 'str' = 'a long default', third: 'float | None' = None) -> 'int'"
    assert shortened(len(whole) + 1) == whole
    monkeypatch.setattr(_signatures, "_DEFAULT_CHARACTERS_MAX", 10)
    assert shortened(85) == "(first: 'int', *, second: 'str' = ..., third: 'float | None' = None) -> 'int'"
    monkeypatch.undo()
    assert shortened(60) == "(first, *, second='a long default', third=None)"
    assert shortened(40) == "(first, *, second=..., third=...)"
