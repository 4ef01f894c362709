"""Signatures that `help()` can show: names of types, and of long ones the names of the arguments alone.

Written out, the types of a batch function are over a thousand characters, and nobody reads them: they
stand in the documentation below, at each parameter, and type checkers read the sources.
"""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any, ForwardRef

SIGNATURE_CHARACTERS_MAX = 200
# In a signature that is too long, a default of more is the first to go.
_DEFAULT_CHARACTERS_MAX = 24


class _Elided:
    """A default that is not shown."""

    def __repr__(self) -> str:
        return "..."


def shorten(module: str) -> None:
    """Gives what a module exports, also by its modules, signatures of `SIGNATURE_CHARACTERS_MAX` at most."""
    exporting = sys.modules[module]
    for name in exporting.__all__:
        exported = getattr(exporting, name)
        if inspect.ismodule(exported):
            shorten(exported.__name__)
        for title, function, is_constructor in _functions(name, exported):
            _shorten(title, function, is_constructor)


def _functions(name: str, exported: Any) -> Iterator[tuple[str, Any, bool]]:
    """The functions behind a name, and whether they make instances of a class."""
    if inspect.isfunction(exported):
        yield name, exported, False
    elif inspect.isclass(exported):
        # Inherited ones too: the module of a base class need not have been imported by its users.
        own = [base for base in exported.__mro__ if base.__module__.startswith("oddsengine")]
        for attribute, value in itertools.chain.from_iterable(vars(base).items() for base in own):
            function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
            if not inspect.isfunction(function):
                continue
            if attribute in ("__init__", "__new__"):
                yield name, function, True
            elif not attribute.startswith("_"):
                yield attribute, function, False


def _shorten(title: str, function: Any, is_constructor: bool) -> None:
    # A named tuple keeps references instead of texts.
    function.__annotations__ = {
        argument: kind.__forward_arg__ if isinstance(kind, ForwardRef) else kind
        for argument, kind in function.__annotations__.items()
    }
    if len(title) + _characters_max(function) <= SIGNATURE_CHARACTERS_MAX:
        return
    signature = inspect.signature(function)
    for shorter in (_without_long_defaults, _without_types, _without_defaults, _without_names):
        if len(title) + len(str(signature)) <= SIGNATURE_CHARACTERS_MAX:
            return
        if shorter is _without_names and not is_constructor:
            return
        signature = shorter(signature)
        function.__signature__ = signature


def _characters_max(function: Any) -> int:
    """No less than a signature is long: to make one takes twenty times as long, at every import."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    kinds = sum(len(str(kind)) for kind in function.__annotations__.values())
    defaults = len(repr(function.__defaults__)) + len(repr(function.__kwdefaults__))
    # Commas, colons, quotes and signs of equality, and the brackets, stars, stroke and arrow.
    return sum(map(len, names)) + kinds + defaults + 9 * len(names) + 64


def _changed(
    change: Callable[[inspect.Parameter], inspect.Parameter], of: inspect.Signature
) -> inspect.Signature:
    return of.replace(parameters=[change(parameter) for parameter in of.parameters.values()])


def _without_types(signature: inspect.Signature) -> inspect.Signature:
    without = _changed(lambda parameter: parameter.replace(annotation=inspect.Parameter.empty), signature)
    return without.replace(return_annotation=inspect.Signature.empty)


def _without_defaults(signature: inspect.Signature, characters_max: int = 0) -> inspect.Signature:
    def elided(parameter: inspect.Parameter) -> inspect.Parameter:
        has_default = parameter.default is not inspect.Parameter.empty
        is_long = has_default and len(repr(parameter.default)) > characters_max
        return parameter.replace(default=_Elided()) if is_long else parameter

    return _changed(elided, signature)


def _without_long_defaults(signature: inspect.Signature) -> inspect.Signature:
    return _without_defaults(signature, _DEFAULT_CHARACTERS_MAX)


def _without_names(signature: inspect.Signature) -> inspect.Signature:
    """A record with so many fields is described by them."""
    first = next(iter(signature.parameters.values()))
    return inspect.Signature([first, inspect.Parameter("fields", inspect.Parameter.VAR_KEYWORD)])
