"""Conversations of agents with their models, read from ledgers and transcripts of runs or bundles."""
