"""The errors that a user can cause, each shown as one sentence and an exit code.

MlebenchError
├── UsageError     wrong usage or a missing precondition: exit code 2
└── WorkFailed     the work was tried and failed: exit code 1
"""


class MlebenchError(Exception):
    """Base of every error whose message is meant for the user: what, where, how to mend."""

    exit_code = 1


class UsageError(MlebenchError):
    """Wrong usage or a missing precondition; the message ends with the command that mends it."""

    exit_code = 2


class WorkFailed(MlebenchError):
    """The work was tried and failed (a damaged download, a full disk, a failed run)."""
