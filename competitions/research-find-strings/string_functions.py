"""Random functions from text to text, composed of small atoms; some act differently on some inputs.

After the strings of FIND: Schwettmann et al., "FIND: A Function Description Benchmark for Evaluating Interpretability Methods"
(2023). All atoms are deterministic, and every function is different from each of its parts.
"""

from __future__ import annotations

import codecs
import functools
import string
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

TextFunction = Callable[[str], str]

VOWELS = "aeiou"
NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "twenty-one", "twenty-two",
    "twenty-three", "twenty-four", "twenty-five", "twenty-six", "twenty-seven", "twenty-eight", "twenty-nine", "thirty",
)  # fmt: skip
_LOWER, _UPPER = string.ascii_lowercase, string.ascii_uppercase


def is_vowel(letter: str) -> bool:
    """Whether it is a, e, i, o or u, in either case."""
    return letter.lower() in VOWELS and letter != ""


def number_word(number: int) -> str:
    """`three` for 3; digits above thirty."""
    return NUMBER_WORDS[number] if number < len(NUMBER_WORDS) else str(number)


def shifted(letter: str, by: int) -> str:
    """A letter shifted cyclically along the alphabet; anything else unchanged."""
    for alphabet in (_LOWER, _UPPER):
        if letter in alphabet:
            return alphabet[(alphabet.index(letter) + by) % 26]
    return letter


def _keep(test: Callable[[str], bool]) -> TextFunction:
    return lambda text: "".join(filter(test, text))


def _each(change: TextFunction) -> TextFunction:
    return lambda text: "".join(map(change, text))


def _by_word(change: TextFunction) -> TextFunction:
    return lambda text: " ".join(map(change, text.split(" ")))


def _count(test: Callable[[str], bool]) -> TextFunction:
    return lambda text: number_word(sum(map(test, text)))


def _shift(by: int) -> TextFunction:
    return _each(lambda letter: shifted(letter, by))


def _mapped(before: str, after: str) -> TextFunction:
    table = str.maketrans(before + before.upper(), after + after.upper())
    return lambda text: text.translate(table)


def _is_consonant(letter: str) -> bool:
    return letter.isalpha() and not is_vowel(letter)


def _words(text: str) -> list[str]:
    return text.split(" ")


def _half(text: str) -> int:
    return len(text) // 2


def _rank_of_first(text: str) -> str:
    first = next((letter for letter in text.lower() if letter in _LOWER), None)
    return number_word(_LOWER.index(first) + 1) if first else "none"


def _swap_pairs(text: str) -> str:
    return "".join(text[place : place + 2][::-1] for place in range(0, len(text), 2))


def _squeeze(text: str) -> str:
    return "".join(letter for place, letter in enumerate(text) if place == 0 or letter != text[place - 1])


NAMED_ATOMS: dict[str, TextFunction] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "swap the case of every letter": str.swapcase,
    "capital first letter, the rest lower case": str.capitalize,
    "reverse": lambda text: text[::-1],
    "reverse the order of the words": lambda text: " ".join(_words(text)[::-1]),
    "reverse each word": _by_word(lambda word: word[::-1]),
    "reverse the first half": lambda text: text[: _half(text)][::-1] + text[_half(text) :],
    "reverse the second half": lambda text: text[: _half(text)] + text[_half(text) :][::-1],
    "digits only": _keep(str.isdigit),
    "without digits": _keep(lambda letter: not letter.isdigit()),
    "vowels only": _keep(is_vowel),
    "without vowels": _keep(lambda letter: not is_vowel(letter)),
    "capitals only": _keep(str.isupper),
    "without capitals": _keep(lambda letter: not letter.isupper()),
    "letters only": _keep(str.isalpha),
    "without spaces": _keep(lambda letter: letter != " "),
    "number of vowels as a word": _count(is_vowel),
    "number of consonants as a word": _count(_is_consonant),
    "number of capitals as a word": _count(str.isupper),
    "number of digits as a word": _count(str.isdigit),
    "number of words as a word": lambda text: number_word(len(text.split())),
    "length as a word": lambda text: number_word(len(text)),
    "first character": lambda text: text[:1],
    "last character": lambda text: text[-1:],
    "middle character": lambda text: text[_half(text) : _half(text) + 1],
    "first word": lambda text: _words(text)[0],
    "last word": lambda text: _words(text)[-1],
    "longest word, the first of several": lambda text: max(_words(text), key=len),
    "first three characters": lambda text: text[:3],
    "last three characters": lambda text: text[-3:],
    "without the first character": lambda text: text[1:],
    "without the last character": lambda text: text[:-1],
    "every second character, from the first": lambda text: text[::2],
    "double every character": _each(lambda letter: 2 * letter),
    "double every vowel": _each(lambda letter: 2 * letter if is_vowel(letter) else letter),
    "twice": lambda text: 2 * text,
    "followed by its reverse": lambda text: text + text[::-1],
    "every character once, where it is first": lambda text: "".join(dict.fromkeys(text)),
    "one of every run of equal characters": _squeeze,
    "characters sorted": lambda text: "".join(sorted(text)),
    "words sorted": lambda text: " ".join(sorted(_words(text))),
    "vowels become stars": _each(lambda letter: "*" if is_vowel(letter) else letter),
    "letters one on in the alphabet": _shift(1),
    "letters three on in the alphabet": _shift(3),
    "letters one back in the alphabet": _shift(-1),
    "letters half the alphabet on": lambda text: codecs.encode(text, "rot13"),
    "alphabet turned round (a becomes z)": _mapped(_LOWER, _LOWER[::-1]),
    "a dash between characters": "-".join,
    "an exclamation mark at the end": lambda text: text + "!",
    "swap the first and the last character": lambda text: text[-1:] + text[1:-1] + text[:1] if len(text) > 1 else text,
    "first character to the end": lambda text: text[1:] + text[:1],
    "last character to the front": lambda text: text[-1:] + text[:-1],
    "spaces become underscores": lambda text: text.replace(" ", "_"),
}
"""The atoms listed in the task text."""

UNNAMED_ATOMS: dict[str, TextFunction] = {
    "swap neighbours": _swap_pairs,
    "each vowel becomes the next one": _mapped(VOWELS, VOWELS[1:] + VOWELS[0]),
    "letters on by the length": lambda text: _shift(len(text))(text),
    "letters on by their place": lambda text: "".join(shifted(letter, place) for place, letter in enumerate(text, start=1)),
    "rank of the first letter as a word": _rank_of_first,
    "a 4, e 3, i 1, o 0": lambda text: text.translate(str.maketrans("aeioAEIO", "43104310")),
    "every third character": lambda text: text[2::3],
    "length in front": lambda text: f"{len(text)}{text}",
    "case by turns": lambda text: "".join(
        letter.upper() if place % 2 == 0 else letter.lower() for place, letter in enumerate(text)
    ),
    "shortest word": lambda text: min(_words(text), key=len),
    "consonants doubled": _each(lambda letter: 2 * letter if _is_consonant(letter) else letter),
    "vowels first": lambda text: "".join(sorted(text, key=lambda letter: not is_vowel(letter))),
    "characters sorted downwards": lambda text: "".join(sorted(text, reverse=True)),
}
"""Atoms not listed there."""

ATOMS = NAMED_ATOMS | UNNAMED_ATOMS

CONDITIONS: dict[str, Callable[[str], bool]] = {
    "starts with a vowel": lambda text: is_vowel(text[:1]),
    "contains a digit": lambda text: any(map(str.isdigit, text)),
    "is longer than 10 characters": lambda text: len(text) > 10,
    "has more than one word": lambda text: " " in text,
    "contains a capital": lambda text: any(map(str.isupper, text)),
}
"""Conditions of exceptions."""


class RandomFunction(NamedTuple):
    """A sequence of atoms, and another sequence where the condition holds."""

    atoms: tuple[str, ...]
    condition: str | None = None
    exception: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        return apply(self.exception if self.is_exception(text) else self.atoms, text)

    def is_exception(self, text: str) -> bool:
        """Whether the exception applies to this input."""
        return self.condition is not None and CONDITIONS[self.condition](text)


def apply(atoms: tuple[str, ...], text: str) -> str:
    """Applies the atoms in sequence."""
    for name in atoms:
        text = ATOMS[name](text)
    return text


def draw_text(rng: np.random.Generator) -> str:
    """One to three made-up words, some with a capital, some followed by digits."""
    words = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))):
        word = "".join(_syllable(rng) for _ in range(int(rng.integers(1, 4))))
        word = word.capitalize() if rng.random() < 0.35 else word
        words.append(word + str(rng.integers(100)) if rng.random() < 0.25 else word)
    return " ".join(words)


def _syllable(rng: np.random.Generator) -> str:
    vowel = VOWELS[int(rng.integers(5))]
    onset = "" if rng.random() < 0.3 else "bcdfghjklmnpqrstvwxyz"[int(rng.integers(21))]
    return onset + vowel + ("" if rng.random() < 0.5 else "lmnrstkd"[int(rng.integers(8))])


def draw_function(rng: np.random.Generator, *, depth: int, has_exception: bool) -> RandomFunction:
    """A function of `depth` atoms that none of its parts equals and that is not constant; the exception has one or two atoms."""
    probes = _probes()
    while True:
        atoms = _draw_atoms(rng, depth)
        if not has_exception:
            function = RandomFunction(atoms)
        else:
            condition = str(rng.choice(list(CONDITIONS)))
            function = RandomFunction(atoms, condition, _draw_atoms(rng, int(rng.integers(1, 3))))
        if _is_proper(atoms, probes) and (not has_exception or _is_proper(function.exception, probes)):
            inside = [text for text in probes if function.is_exception(text)]
            if sum(apply(atoms, text) != function(text) for text in inside) >= 0.9 * len(inside):
                return function


@functools.cache
def _probes() -> list[str]:
    rng = np.random.default_rng(0)
    return [draw_text(rng) for _ in range(100)]


def _draw_atoms(rng: np.random.Generator, depth: int) -> tuple[str, ...]:
    return tuple(str(name) for name in rng.choice(list(ATOMS), size=depth, replace=False))


def _is_proper(atoms: tuple[str, ...], probes: list[str]) -> bool:
    results = [apply(atoms, text) for text in probes]
    parts = [atoms[:place] + atoms[place + 1 :] for place in range(len(atoms))]
    if len(set(results)) < 5:
        return False
    return all(sum(apply(part, text) != result for text, result in zip(probes, results, strict=True)) > 5 for part in parts)
