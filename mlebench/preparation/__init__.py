"""The engine that makes prepared data: gets raw data, builds, verifies and records, one competition or many."""
