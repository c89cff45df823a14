"""A Python file in the making: its imports, its constants, and values of strangers as literals that can do no harm."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Sequence

from mlebench.scaffold.draft.source_text import quoted

WIDTH = 130
_INLINE = 60
"""Characters of values that still stand in the line that uses them."""


class Script:
    """Collects what the body of a Python file needs at its top."""

    def __init__(self) -> None:
        self._imports: dict[str, set[str]] = {}
        self._modules: set[str] = set()
        self._constants: dict[str, str] = {}

    def use(self, name: str, module: str = "mlebench.data.mocking") -> str:
        """Import a name and return it."""
        self._imports.setdefault(module, set()).add(name)
        return name

    def use_module(self, statement: str) -> None:
        """Add an import of a whole module, such as `import io`."""
        self._modules.add(statement)

    def values(self, name: str, items: Sequence[object]) -> str:
        """An expression for a tuple of values: a literal, or the name of a constant if it is long.

        Args:
            name: what the constant is called after; any text.
            items: strings, numbers or booleans.
        """
        literal = _tuple(items)
        if len(literal) <= _INLINE:
            return literal
        for known, text in self._constants.items():
            if text == literal:
                return known
        constant = self._free_name(name)
        self._constants[constant] = literal
        return constant

    def text(self, name: str, text: str) -> str:
        """The name of a constant that holds a long text."""
        constant = self._free_name(name)
        self._constants[constant] = literal(text)
        return constant

    def listed(self, name: str, items: Sequence[object]) -> str:
        """The same as an expression for a list."""
        text = self.values(name, items)
        return literal(list(items)) if text.startswith("(") else f"list({text})"

    def _free_name(self, name: str) -> str:
        wanted = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper()[:40]
        if not re.fullmatch(r"[A-Z]\w*", wanted, re.ASCII) or keyword.iskeyword(wanted):
            wanted = "VALUES"
        number = 1
        while (free := wanted if number == 1 else f"{wanted}_{number}") in self._constants:
            number += 1
        return free

    def render(self, body: str) -> str:
        """The whole file."""
        standard = [statement for statement in self._modules if statement.split()[1] not in ("numpy", "pandas")]
        others = sorted(self._modules.difference(standard))
        froms = {module: f"from {module} import {', '.join(sorted(names))}" for module, names in self._imports.items()}
        own = [froms[module] for module in sorted(froms) if module.startswith("mlebench")]
        standard += [text for module, text in froms.items() if not module.startswith("mlebench")]
        blocks = [_sorted_imports(standard), others, own]
        imports = "\n\n".join("\n".join(block) for block in blocks if block)
        constants = "\n".join(_assignment(name, literal) for name, literal in self._constants.items())
        return f"{imports}\n\n" + (f"{constants}\n\n" if constants else "") + f"\n{body.rstrip()}\n"


def _sorted_imports(statements: list[str]) -> list[str]:
    return sorted(statements, key=lambda text: (text.startswith("from "), text))


def literal(value: object) -> str:
    """A value as Python source on one line, in double quotes where that needs no escapes; numbers of numpy as plain ones."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return quoted(value) if isinstance(value, str) else repr(value)


def _tuple(items: Sequence[object]) -> str:
    return "(" + ", ".join(map(literal, items)) + ("," if len(items) == 1 else "") + ")"


def _assignment(name: str, text: str) -> str:
    if len(name) + len(text) + 3 <= WIDTH:
        return f"{name} = {text}"
    value = ast.literal_eval(text)
    if isinstance(value, str):
        pieces = [value[start : start + WIDTH - 20] for start in range(0, len(value), WIDTH - 20)]
        return f"{name} = (\n" + "\n".join(f"    {literal(piece)}" for piece in pieces) + "\n)"
    lines = [""]
    # between items, never within one
    for item in map(literal, value):
        if lines[-1] and len(lines[-1]) + len(item) + 2 > WIDTH - 4:
            lines.append("")
        lines[-1] += f" {item}," if lines[-1] else f"{item},"
    body = "\n".join(f"    {line}" for line in lines)
    return f"{name} = (\n{body}\n)  # fmt: skip"
