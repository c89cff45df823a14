"""The errors that a user can cause, each shown as one sentence and an exit code.

MlebenchError                    the work was tried and failed: exit code 1
├── UsageError                   wrong usage or a missing precondition: exit code 2
│   ├── NotPrepared              the data of a competition is not prepared
│   ├── MissingExtra             an optional package is not installed
│   ├── RulesNotAccepted         Kaggle wants the rules of a competition accepted first
│   └── EngineUnreachable        no container engine answers
├── WorkFailed                   the work was tried and failed: exit code 1
│   ├── RawDataFault             raw data is incomplete or damaged and must be fetched again
│   ├── NotOnKaggle              Kaggle does not know what was asked for
│   ├── RangeRefused             a file on Kaggle is shorter than what is here of it
│   ├── CannotDraft              raw data does not show what a competition folder needs
│   ├── NotSeen                  the engine has lost its view of a running container's files
│   └── StartFailed              an attempt at a run did not start
├── MalformedForm                a request to the checker is not a form with a file
├── Refusal                      a request to a model is answered by the gateway itself
├── ContainerFault               a file is not a bundle container, or one of its files is damaged
├── BundleFault                  a bundle cannot be looked at
├── GroupStopped                 a run group was stopped because its runs fail at once
└── Interrupted                  the harness was asked to leave: exit code 130

InvalidSubmission                a submission cannot be scored; it belongs to `grading`, which knows nothing of this tree
"""

from __future__ import annotations

from typing import Any, Literal

from grading.invalid import InvalidSubmission as InvalidSubmission


class MlebenchError(Exception):
    """Base of every error whose message is meant for the user: what, where, and what helps."""

    exit_code = 1


class UsageError(MlebenchError):
    """Wrong usage or a missing precondition; the message ends with the command that helps."""

    exit_code = 2


class NotPrepared(UsageError, ValueError):
    """The data of a competition is not prepared; a `ValueError` for programs that expect the published harness's."""


class MissingExtra(UsageError):
    """An optional package is not installed; the message ends with the command that installs it."""


class RulesNotAccepted(UsageError):
    """The account has not accepted the rules of a competition."""


class EngineUnreachable(UsageError):
    """No container engine answers; the message says where it was looked for and what to do."""


class WorkFailed(MlebenchError):
    """The work was tried and failed (a full disk, a network that fails for too long, a failed run)."""


class RawDataFault(WorkFailed):
    """Raw data is incomplete or damaged; preparing marks it, so that it is fetched again."""


class NotOnKaggle(WorkFailed):
    """Kaggle does not know what was asked for, or does not show it to this account."""


class RangeRefused(WorkFailed):
    """The file on Kaggle is shorter than what is here of it."""


class CannotDraft(WorkFailed):
    """Raw data does not show what a competition folder needs; the message says what, and what to do by hand."""


class NotSeen(WorkFailed, OSError):
    """The engine has lost its view of a running container's files; it regains it once the container has ended."""


class StartFailed(WorkFailed):
    """An attempt at a run did not start.

    Attributes:
        reason: one word for tables, such as `gpu-unavailable`.
        detail: one sentence for people that ends with what to do.
        failure_class: agent: its own doing, counts; infrastructure: ours, is retried and reported apart.
    """

    def __init__(self, reason: str, detail: str, failure_class: Literal["agent", "infrastructure"] = "infrastructure") -> None:
        super().__init__(detail)
        self.reason, self.detail, self.failure_class = reason, detail, failure_class


class MalformedForm(MlebenchError):
    """The request is not a form with the expected file; the message is safe to show to the sender."""


RefusalKind = Literal[
    "budget-exhausted", "invalid", "unknown-model", "not-allowed", "not-found", "token", "unavailable", "too-large"
]
"""Why the gateway itself answers a request to a model."""


class Refusal(MlebenchError):
    """A request to a model that the gateway answers itself; the message is for whoever sent it.

    Attributes:
        status: of HTTP.
        kind: what an error of the request's dialect is made of.
        message: one sentence.
    """

    def __init__(self, status: int, kind: RefusalKind, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


class ContainerFault(MlebenchError, ValueError):
    """A file is not a bundle's container as it must be written, or one of the files in it is damaged."""


class BundleFault(MlebenchError, ValueError):
    """A file is not a readable bundle.

    Attributes:
        file: name of the file in it that is at fault; empty if it is the bundle itself.
    """

    def __init__(self, message: str, file: str = "") -> None:
        super().__init__(message)
        self.file = file


class GroupStopped(MlebenchError):
    """A group was stopped early because its runs fail at once.

    Attributes:
        results: what the groups that were run together came to, each a `mlebench.runs.group_report.GroupResult`.
    """

    def __init__(self, message: str, results: list[Any]) -> None:
        super().__init__(message)
        self.results = results


class Interrupted(MlebenchError):
    """The harness was asked to leave; the message says how to go on."""

    exit_code = 130
