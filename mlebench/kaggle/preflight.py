"""What can be known before the first byte: are the credentials accepted, the rules too, and how large is each download."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlebench._support.steps import Listener, Step, ignore
from mlebench.errors import NotOnKaggle, RulesNotAccepted, UsageError, WorkFailed
from mlebench.kaggle.patience import Patience

if TYPE_CHECKING:
    from mlebench.kaggle.credentials import Credentials
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition

_AT_ONCE = 8
_MOST_NAMED = 3


@dataclass(frozen=True)
class Access:
    """Whether one competition can be downloaded."""

    competition_id: str
    state: Literal["open", "rules", "failed"]
    """open: yes; rules: they are not accepted; failed: `message` says why."""
    size: int | None = None
    """Bytes of the zip, if Kaggle reports them."""
    message: str = ""


def check_access(competitions: Sequence[Competition], transfer: Transfer, listener: Listener = ignore) -> dict[str, Access]:
    """Ask Kaggle for each competition whether it may be downloaded, without downloading it.

    The list of joined competitions shows whether the credentials are accepted; a download returns 403 if the rules are not.
    There is no way to accept rules through the API.

    Returns:
        One entry by competition id.

    Raises:
        UsageError: if credentials are missing or refused.
        WorkFailed: if Kaggle cannot be reached.
    """
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.credentials import find_credentials

    if not competitions:
        return {}
    credentials = find_credentials()
    patience = Patience(transfer.patience, tell=lambda message: listener(Step("Kaggle", message)))
    try:
        entered = KaggleService(credentials).entered(patience)
    except NotOnKaggle:
        entered = set()
    found = check_each([competition.id for competition in competitions], credentials, transfer, listener)
    listener(Step("Kaggle", ""))
    return {access.competition_id: _with_entered(access, entered) for access in found}


def check_each(ids: Sequence[str], credentials: Credentials, transfer: Transfer, listener: Listener = ignore) -> list[Access]:
    """Open the download of each competition, several at a time, and close it unread.

    Raises:
        UsageError: the credentials are refused.
    """
    if not ids:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(ids))) as pool:
        checks = [pool.submit(_check_one, competition_id, credentials, transfer, listener) for competition_id in ids]
        found = [check.result() for check in checks]
    for access in found:
        listener(Step(access.competition_id, ""))
    return found


def _check_one(competition_id: str, credentials: Credentials, transfer: Transfer, listener: Listener) -> Access:
    from mlebench.kaggle.client import KaggleService

    patience = Patience(transfer.patience, tell=lambda message: listener(Step(competition_id, message)))
    listener(Step(competition_id, "checking access at Kaggle"))
    try:
        with KaggleService(credentials).open_download(competition_id, patience) as response:
            length = response.headers.get("Content-Length", "")
            return Access(competition_id, "open", int(length) if length.isdigit() else None)
    except RulesNotAccepted as error:
        return Access(competition_id, "rules", message=str(error))
    except WorkFailed as error:
        return Access(competition_id, "failed", message=str(error))


def _with_entered(access: Access, entered: set[str]) -> Access:
    if access.state == "rules" and access.competition_id in entered:
        hint = "; the account has joined it, so the rules may have changed, or Kaggle requires a verified phone number"
        return Access(access.competition_id, "rules", message=access.message + hint)
    return access


def rules_to_accept(accesses: Sequence[Access]) -> UsageError:
    """The error that lists all rule pages to accept, in one go."""
    from mlebench.kaggle.client import rules_page

    names = [access.competition_id for access in accesses]
    shown = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
    pages = "\n".join(f"  {rules_page(access.competition_id)}" for access in accesses)
    return UsageError(
        f"the rules of {shown} have not been accepted yet. Open each page, accept them and try again "
        f"(--open opens them in a browser, --skip-unaccepted continues without them):\n{pages}"
    )
