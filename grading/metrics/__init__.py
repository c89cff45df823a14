"""Metrics: pure, vectorised functions `metric(truth, prediction) -> float` over arrays, each citing its definition."""
