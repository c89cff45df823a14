"""Metrics: pure functions `metric(truth, prediction) -> float` over arrays, vectorised, each with its definition's source."""
