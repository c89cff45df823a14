"""Run groups: their plan and records, and what happens to them."""
