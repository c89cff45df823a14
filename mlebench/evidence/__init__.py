"""What a stranger needs to check a result: bundles of run groups, and the levels to which they can be verified."""
