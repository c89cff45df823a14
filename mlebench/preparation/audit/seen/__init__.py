"""What an agent sees of prepared data: its files, the members of its archives, tables, and what files say about themselves."""
