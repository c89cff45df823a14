"""What every part of the harness leans on and that knows nothing of competitions, agents or runs."""
