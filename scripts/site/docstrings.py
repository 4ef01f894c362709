"""What the reference needs of docstrings: examples as code, and the texts of the core's functions.

Everything else of the reference is read from the sources; nothing is imported for it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import griffe

from oddsengine import margin

# A module's name for a function of the core has no docstring in the sources: the core has it.
CORE = {
    f"oddsengine.margin.{name}": inspect.getdoc(value) or ""
    for name, value in vars(margin).items()
    if inspect.isbuiltin(value)
}
EXAMPLE = re.compile(r"(?m)^(?P<indent> *)>>> .*(?:\n(?! *\n).+)*")
SECTION = re.compile(r"(?m)^\w+\n---+$")
# Our texts of what comes back begin at once, without a type, which the annotation has.
RETURNS = re.compile(r"(?ms)^(Returns\n-------\n)((?:[^\n]+\n)?+(?!    ).*?)(?=^\w+\n---+$|\Z)")
# `:meth:` and the like, of which Markdown knows nothing.
ROLE = re.compile(r":(?:meth|attr|class|func|mod|exc|data):`")
TEST_FLAGS = re.compile(r" *# doctest: .*")


def indented(text: str) -> str:
    """Four columns to the right."""
    return re.sub(r"(?m)^(?=.)", "    ", text)


def as_code(text: str) -> str:
    """Runs of `>>>` lines as fenced code, each up to the next empty line.

    >>> print(as_code("What.\\n\\n>>> 1 + 1\\n2"))
    What.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """

    text = RETURNS.sub(lambda match: match[1] + ":\n" + indented(match[2]), ROLE.sub("`", text))
    if "\nExamples\n---" in text:
        return TEST_FLAGS.sub("", text)
    section = SECTION.search(text)

    def fenced(match: re.Match[str]) -> str:
        indent, code = match["indent"], TEST_FLAGS.sub("", match[0])
        if section and section.start() < match.start() and not indent:
            # After a list of parameters another section has to begin, which is code by itself.
            return f"Examples\n--------\n{code}"
        return f"{indent}```pycon\n{code}\n{indent}```"

    return EXAMPLE.sub(fenced, text)


def parameters(function: Callable[..., Any]) -> griffe.Parameters:
    """Those of the function itself: the sources only have what its overloads have in common."""
    return griffe.Parameters(
        *(
            griffe.Parameter(
                parameter.name,
                kind=griffe.ParameterKind[parameter.kind.name.lower()],
                default=None if parameter.default is parameter.empty else repr(parameter.default),
            )
            for parameter in inspect.signature(function).parameters.values()
        )
    )


class Docstrings(griffe.Extension):
    """Rewrites docstrings as they are read."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Called when a class has been read: `__repr__` and the like tell nothing unless they have a text."""
        kept = {"__init__", "__new__"}
        for name in [name for name in cls.members if name.startswith("__") and name not in kept]:
            if not cls.members[name].docstring:
                cls.del_member(name)

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.path in CORE and isinstance(obj, griffe.Function) and not obj.docstring:
            obj.parameters = parameters(getattr(margin, obj.name))
            obj.docstring = griffe.Docstring(CORE[obj.path], parent=obj, parser="numpy")
        if obj.docstring:
            obj.docstring.value = as_code(obj.docstring.value)
