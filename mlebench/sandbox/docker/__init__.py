"""The sandbox that runs agents in containers."""
