"""Kaggle: credentials, accepted rules, downloads, leaderboards and task pages, all through the SDK of the `kaggle` client.

Nothing here is imported before a command needs Kaggle, and the SDK is imported within functions.
"""
