"""Why rows belong together: groups, times and copies, each found by a module of its own."""
