"""Text functions are deterministic and use every step; enumeration finds them."""

from __future__ import annotations

import numpy as np
import pytest

from .folders import module

functions, searching = (module("research-find-strings", name) for name in ("string_functions", "string_search"))
ATOMS, apply, draw_text = functions.ATOMS, functions.apply, functions.draw_text


@pytest.mark.parametrize("seed", range(5))
def test_random_text_functions_are_deterministic_and_use_every_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    function = functions.draw_function(rng, depth=3, has_exception=True)
    texts = [draw_text(rng) for _ in range(200)]
    assert [function(text) for text in texts] == [function(text) for text in texts]
    for place in range(3):
        without = function.atoms[:place] + function.atoms[place + 1 :]
        assert any(apply(without, text) != apply(function.atoms, text) for text in texts)
    assert any(function.is_exception(text) and function(text) != apply(function.atoms, text) for text in texts)


@pytest.mark.parametrize("name", ATOMS)
def test_atoms_take_any_text(name: str) -> None:
    for text in ("", " ", "a", "Ab 12", "zebra  Z", "éß 東", "x" * 60):
        assert isinstance(ATOMS[name](text), str)


def test_search_finds_two_steps_and_exceptions() -> None:
    texts = ["Abe", "kiwi", "orange juice", "ulm", "Berlin", "egg"]
    two = [(text, ATOMS["reverse"](ATOMS["upper case"](text))) for text in texts]
    assert searching.search(two, ATOMS, depth=2)("tea") == "AET"
    vowel = functions.CONDITIONS["starts with a vowel"]
    either = [(text, text.upper() if vowel(text) else text[::-1]) for text in texts]
    found = searching.search_with_exception(either, ATOMS, depth=1)
    assert (found("ice"), found("tea")) == ("ICE", "aet")
