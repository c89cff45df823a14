"""What an agent sees of prepared data: its files, the members of its archives, tables, and metadata of files."""
