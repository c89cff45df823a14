"""Drafts a competition folder from raw data: works out ids, targets, files and metric, and says of each guess why it was made."""
