"""The tests of containers on a real Podman. They are those of `tests/sandbox/docker`, and none of their own."""
