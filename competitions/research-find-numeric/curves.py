"""Random functions of one variable, some of them corrupted: noisy, approximated, or replaced by a constant on an interval.

After the numeric functions of FIND: Schwettmann et al., "FIND: A Function Description Benchmark for Evaluating Interpretability
Methods" (2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]
Variant = Literal["clean", "corrupted", "noisy", "approximated"]
VARIANTS: dict[Variant, float] = {"clean": 0.48, "corrupted": 0.2, "noisy": 0.18, "approximated": 0.14}
LIMIT = 100.0
_KNOTS = 64


def _linear(rng: np.random.Generator) -> Curve:
    slope, offset = rng.uniform(-10, 10, 2)
    return lambda x: slope * x + offset


def _polynomial(rng: np.random.Generator) -> Curve:
    # scaled, so that every power counts
    coefficients = rng.uniform(-5, 5, int(rng.integers(3, 6)))
    return lambda x: 10 * np.polynomial.polynomial.polyval(x / 50, coefficients)


def _absolute(rng: np.random.Generator) -> Curve:
    scale, offset = rng.uniform(-30, 30, 2)
    return lambda x: scale * np.abs(x) + offset


def _root(rng: np.random.Generator) -> Curve:
    scale, offset = rng.uniform(-30, 30, 2)
    return lambda x: scale * np.sqrt(np.maximum(x, 0)) + offset


def _logarithm(rng: np.random.Generator) -> Curve:
    scale, offset = rng.uniform(-30, 30, 2)
    return lambda x: scale * np.log(np.maximum(x, 1)) + offset


def _step(rng: np.random.Generator) -> Curve:
    scale, offset = rng.uniform(-30, 30, 2)
    return lambda x: scale * (x >= 0) + offset


def _relu(rng: np.random.Generator) -> Curve:
    slope, leak = rng.uniform(-10, 10), rng.uniform(0, 0.5)
    return lambda x: slope * np.where(x > 0, x, leak * x)


def _wave(of: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.random.Generator], Curve]:
    def draw(rng: np.random.Generator) -> Curve:
        height, period, shift = rng.uniform(3, 10), rng.uniform(8, 60), rng.uniform(-10, 10)
        return lambda x: height * of(2 * np.pi / period * (x - shift))

    return draw


def _bump(rng: np.random.Generator) -> Curve:
    height, centre, width = rng.uniform(5, 30), rng.uniform(-30, 30), rng.uniform(5, 30)
    return lambda x: height * np.exp(-(((x - centre) / width) ** 2) / 2)


def _rectangle(rng: np.random.Generator) -> Curve:
    height, width = rng.uniform(5, 30), rng.uniform(10, 80)
    return lambda x: height * (np.abs(x) <= width / 2)


def _square_wave(rng: np.random.Generator) -> Curve:
    height, period, shift = rng.uniform(3, 10), rng.uniform(20, 80), rng.uniform(-5, 5)
    return lambda x: height * np.where(((x - shift) / period) % 1 < 0.5, 1.0, -1.0)


def _constant(rng: np.random.Generator) -> Curve:
    value = float(rng.integers(-100, 100))
    return lambda x: np.full(len(x), value)


SIMPLE: dict[str, Callable[[np.random.Generator], Curve]] = {
    "linear": _linear, "polynomial": _polynomial, "absolute value": _absolute, "square root": _root, "logarithm": _logarithm,
    "step": _step, "leaky relu": _relu, "tanh": _wave(np.tanh), "sine": _wave(np.sin), "bump": _bump, "rectangle": _rectangle,
    "square wave": _square_wave, "constant": _constant,
}  # fmt: skip
COMPOSABLE = ("linear", "step", "leaky relu", "constant", "rectangle", "sine", "square wave")


@dataclass(frozen=True)
class RandomCurve:
    """A function on [−100, 100] and its corruption."""

    kind: str
    variant: Variant
    curve: Curve
    interval: tuple[float, float] | None
    level: float
    """Value on the interval."""
    noise: str | None
    knots: np.ndarray | None

    def true_values(self, x: np.ndarray) -> np.ndarray:
        """Values without noise, shape (n,)."""
        values = self.curve(x) if self.knots is None else np.interp(x, self.knots, self.curve(self.knots))
        return np.asarray(np.where(self.is_corrupted(x), self.level, values))

    def is_corrupted(self, x: np.ndarray) -> np.ndarray:
        """The interval where the constant replaces the function."""
        if self.interval is None:
            return np.zeros(len(x), dtype=bool)
        return np.asarray((x >= self.interval[0]) & (x <= self.interval[1]))

    def observe(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Values as observed, shape (n,)."""
        values = self.true_values(x)
        if self.noise == "normal":
            values = values + rng.standard_normal(len(x))
        elif self.noise == "uniform":
            values = values + rng.uniform(-1, 1, len(x))
        elif self.noise == "poisson":
            values = values + rng.poisson(1, len(x))
        return np.where(self.is_corrupted(x), values + 0.1 * rng.standard_normal(len(x)), values)


def draw_curve(rng: np.random.Generator) -> RandomCurve:
    """A simple function or, in one case of seven, the sum or product of two."""
    if rng.random() < 0.15:
        first, second = (str(kind) for kind in rng.choice(COMPOSABLE, 2, replace=False))
        together = "sum" if rng.random() < 0.5 else "product"
        parts = SIMPLE[first](rng), SIMPLE[second](rng)
        kind = f"{together} of {first} and {second}"
        curve = _sum(*parts) if together == "sum" else _product(*parts)
    else:
        kind = str(rng.choice(list(SIMPLE)))
        curve = SIMPLE[kind](rng)
    variant: Variant = rng.choice(list(VARIANTS), p=list(VARIANTS.values()))
    grid = np.linspace(-LIMIT, LIMIT, 401)
    return RandomCurve(
        kind=kind,
        variant=variant,
        curve=curve,
        interval=_draw_interval(rng) if variant == "corrupted" else None,
        level=float(curve(grid).mean()),
        noise=str(rng.choice(["normal", "uniform", "poisson"])) if variant == "noisy" else None,
        knots=np.sort(rng.uniform(-LIMIT, LIMIT, _KNOTS)) if variant == "approximated" else None,
    )


def _sum(first: Curve, second: Curve) -> Curve:
    return lambda x: first(x) + second(x)


def _product(first: Curve, second: Curve) -> Curve:
    return lambda x: first(x) * second(x)


def _draw_interval(rng: np.random.Generator) -> tuple[float, float]:
    where = rng.random()
    if where < 0.5:
        start = rng.uniform(-80, 55)
        return float(start), float(start + rng.uniform(15, 40))
    edge = float(rng.uniform(25, 75))
    return (-LIMIT, -edge) if where < 0.75 else (edge, LIMIT)


def draw_inputs(rng: np.random.Generator, count: int) -> np.ndarray:
    """Half of them anywhere on [−100, 100], half within ±20; rounded to 2 decimals."""
    wide, narrow = rng.uniform(-LIMIT, LIMIT, count - count // 2), rng.uniform(-20, 20, count // 2)
    return np.round(np.concatenate([wide, narrow]), 2)
