"""Finds a function from text to text by enumerating compositions of known atoms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .string_functions import CONDITIONS, TextFunction

Examples = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Guess:
    """A composition and the number of examples it reproduces."""

    atoms: tuple[TextFunction, ...]
    right: int

    def __call__(self, text: str) -> str:
        for atom in self.atoms:
            text = atom(text)
        return text


def search(examples: Examples, atoms: Mapping[str, TextFunction], depth: int) -> Guess:
    """The shortest composition of at most `depth` atoms that reproduces the most examples; the first found if tied."""
    inputs, outputs = [text for text, _ in examples], [result for _, result in examples]
    best = Guess((), sum(map(str.__eq__, inputs, outputs)))
    level: list[tuple[tuple[TextFunction, ...], list[str]]] = [((), inputs)]
    for length in range(1, depth + 1):
        reached: dict[tuple[str, ...], tuple[tuple[TextFunction, ...], list[str]]] = {}
        for done, texts in level:
            for atom in atoms.values():
                right = _right(atom, texts, outputs, at_least=best.right + 1)
                if right > best.right:
                    best = Guess((*done, atom), right)
                    if right == len(examples):
                        return best
                if length < depth:
                    results = [atom(text) for text in texts]
                    reached.setdefault(tuple(results), ((*done, atom), results))
        level = list(reached.values())
    return best


def _right(atom: TextFunction, texts: Sequence[str], outputs: Sequence[str], at_least: int) -> int:
    """The number of texts the atom gets right; counting stops once `at_least` is out of reach."""
    right, left = 0, len(texts)
    for text, output in zip(texts, outputs, strict=True):
        if right + left < at_least:
            break
        left -= 1
        right += atom(text) == output
    return right


def search_with_exception(examples: Examples, atoms: Mapping[str, TextFunction], depth: int) -> Callable[[str], str]:
    """Like `search`; if no composition explains all examples, tries two that a condition chooses between."""
    whole = search(examples, atoms, depth)
    if whole.right == len(examples):
        return whole
    best: Callable[[str], str] = whole
    most = whole.right
    for holds in CONDITIONS.values():
        inside = [example for example in examples if holds(example[0])]
        outside = [example for example in examples if not holds(example[0])]
        if len(inside) < 2 or len(outside) < 2:
            continue
        first, second = search(inside, atoms, depth), search(outside, atoms, depth)
        if first.right + second.right > most:
            most, best = first.right + second.right, _either(holds, first, second)
    return best


def _either(holds: Callable[[str], bool], first: Guess, second: Guess) -> Callable[[str], str]:
    return lambda text: first(text) if holds(text) else second(text)
