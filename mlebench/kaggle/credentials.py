"""Kaggle credentials from the places that the `kaggle` client documents.

In its order: an access token (`KAGGLE_API_TOKEN`, `~/.kaggle/access_token`), a key (`KAGGLE_USERNAME` and `KAGGLE_KEY`,
`kaggle.json`), the login of `kaggle auth login` (`~/.kaggle/credentials.json`). The client itself is not asked, as importing it
signs in, prints, and makes folders.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from mlebench._support.kaggle_secrets import kept_credentials as kept_credentials
from mlebench._support.kaggle_secrets import key_file
from mlebench.errors import UsageError
from mlebench.kaggle.connection import bound_waiting, problem_of
from mlebench.kaggle.patience import Patience

HOW_TO = (
    "create a token at https://www.kaggle.com/settings/api and save it as ~/.kaggle/access_token (or set KAGGLE_API_TOKEN), "
    "or save a legacy key file as ~/.kaggle/kaggle.json"
)


@dataclass(frozen=True)
class Credentials:
    """A token, or a user name and key."""

    source: str
    """Where they were found, for messages."""
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    key: str | None = field(default=None, repr=False)


def find_credentials() -> Credentials:
    """The credentials that the `kaggle` client would use.

    Raises:
        UsageError: if there are none.
    """
    found = _token() or _key() or _login()
    if found is None:
        raise UsageError(
            f"no Kaggle credentials found; {HOW_TO}. Without an account, `mlebench prepare ID --from PATH` prepares an "
            "existing download, and `mlebench prepare ID --mock` generates a mock dataset"
        )
    return found


def _token() -> Credentials | None:
    from kagglesdk.kaggle_env import get_access_token_from_env

    try:
        token, source = get_access_token_from_env()
    except OSError as error:
        raise UsageError(f"cannot read the Kaggle token: {error}; {HOW_TO}") from None
    names = {"access_token": "~/.kaggle/access_token"}
    return Credentials(names.get(source, source), token=token) if token else None


def _key() -> Credentials | None:
    file = key_file()
    content = _read_key_file(file) if file else {}
    variables = {name: os.environ.get(f"KAGGLE_{name.upper()}") for name in ("username", "key")}
    username, key = (variables[name] or content.get(name) for name in ("username", "key"))
    if not (username and key):
        return None
    return Credentials("KAGGLE_USERNAME and KAGGLE_KEY" if variables["key"] else str(file), username=username, key=key)


def _read_key_file(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(content[name]) for name in ("username", "key") if content.get(name)}
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"cannot read the Kaggle key in {path}: {error}; {HOW_TO}") from None


def _login() -> Credentials | None:
    if not (Path.home() / ".kaggle" / "credentials.json").exists():
        return None
    import requests
    from kagglesdk import KaggleClient
    from kagglesdk.kaggle_creds import KaggleCredentials

    client = KaggleClient()
    bound_waiting(client.http_client())
    patience = Patience()
    while True:
        try:
            login = KaggleCredentials.load(client)
            token = login.get_access_token() if login else None
            return Credentials("~/.kaggle/credentials.json", token=token) if token else None
        except requests.HTTPError as error:
            raise UsageError(f"the Kaggle login has expired ({error}); `kaggle auth login` renews it") from None
        except requests.RequestException as error:
            patience.wait_after(problem_of(error))
