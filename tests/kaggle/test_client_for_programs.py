"""`authenticate_kaggle_api`: a client that Kaggle has accepted, or a PermissionError."""

from __future__ import annotations

import pytest

from mlebench import utils
from mlebench.utils import authenticate_kaggle_api
from tests.kaggle.loopback import LoopbackKaggle


def test_it_gives_a_client_that_is_signed_in(kaggle: LoopbackKaggle) -> None:
    client = authenticate_kaggle_api()
    assert client._authenticated is True
    assert callable(client.competition_download_files)


def test_credentials_that_kaggle_refuses_are_a_permission_error(kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "wrong")
    with pytest.raises(PermissionError, match="Kaggle authentication failed"):
        authenticate_kaggle_api()


def test_without_credentials_it_is_a_permission_error(kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(PermissionError, match="no Kaggle credentials"):
        authenticate_kaggle_api()


def test_a_kaggle_that_is_not_there_is_a_permission_error_before_long(
    kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utils, "_PATIENCE", 0.1)
    kaggle.__exit__(None, None, None)
    with pytest.raises(PermissionError, match="Kaggle failed for"):
        authenticate_kaggle_api()
