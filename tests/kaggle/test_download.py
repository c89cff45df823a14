"""Downloads that go on where they stopped, and what the user is told where they cannot."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from mlebench._support.steps import BYTES, Step
from mlebench.cli.main import main
from mlebench.data import download_and_prepare_dataset, download_dataset
from mlebench.errors import UsageError, WorkFailed
from mlebench.kaggle.credentials import find_credentials
from mlebench.kaggle.download import download
from mlebench.kaggle.patience import Patience
from mlebench.kaggle.transfer import RateLimit, Transfer
from mlebench.preparation import is_prepared
from mlebench.registry import Competition, Registry
from tests.kaggle.conftest import IMAGES, TABLE, WHALES, mock_zip
from tests.kaggle.loopback import FILES, KEY, TOKEN, USERNAME, Contest, Fault, LoopbackKaggle
from tests.sound_steps import assert_sound


def competition(name: str = TABLE) -> Competition:
    return Registry().get_competition(name)


def ranges(kaggle: LoopbackKaggle) -> list[str | None]:
    return [request.range for request in kaggle.requests(FILES)]


def test_prepare_downloads_unpacks_prepares_and_drops_the_raw_data(
    kaggle: LoopbackKaggle, publish: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = publish()
    assert main(["prepare", name]) == 0
    assert is_prepared(competition(name))
    assert {path.name for path in competition(name).root.iterdir()} <= {"prepared", ".lock", ".checksums.json"}
    told = capsys.readouterr().err
    assert re.search(r"1 to download .* of disk needed, .* free", told)


def test_kept_raw_data_spares_the_second_download(kaggle: LoopbackKaggle) -> None:
    assert main(["prepare", TABLE, "--no-verify", "--keep-raw"]) == 0
    asked = len(kaggle.seen)
    assert main(["prepare", TABLE, "--no-verify", "--edition", "v2"]) == 0
    assert is_prepared(Registry().set_edition("v2").get_competition(TABLE))
    assert len(kaggle.seen) == asked


def test_a_broken_connection_is_resumed_with_a_range_and_no_byte_comes_twice(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    size = len(kaggle.contests[TABLE].archive)
    kaggle.fail(FILES, Fault(break_after=100), Fault(), Fault(break_after=1), Fault(), Fault(break_after=size // 2))
    archive = download(competition(), tmp_path)
    assert archive.read_bytes() == kaggle.contests[TABLE].archive
    kept = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in ranges(kaggle) if asked]
    assert kept and kept == sorted(kept)
    assert list(tmp_path.glob("*.part*")) == []


def test_an_interrupted_call_is_finished_by_the_next(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.fail(FILES, Fault(break_after=500), *[Fault(break_after=0)] * 40)
    with pytest.raises(WorkFailed, match="run the same command to continue"):
        download(competition(), tmp_path, transfer=Transfer(patience=0.3))
    assert not (tmp_path / f"{TABLE}.zip").exists()
    kaggle.faults.clear()
    kaggle.seen.clear()
    assert download(competition(), tmp_path).read_bytes() == kaggle.contests[TABLE].archive
    assert "bytes=500-" in ranges(kaggle)


def test_what_changed_meanwhile_is_downloaded_anew(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.fail(FILES, Fault(break_after=500), *[Fault(break_after=0)] * 40)
    with pytest.raises(WorkFailed):
        download(competition(), tmp_path, transfer=Transfer(patience=0.2))
    kaggle.faults.clear()
    kaggle.contests[TABLE].archive = kaggle.contests[WHALES].archive
    assert download(competition(), tmp_path).read_bytes() == kaggle.contests[WHALES].archive


def test_a_server_without_ranges_sends_the_whole_file_again(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.knows_ranges = False
    kaggle.fail(FILES, Fault(break_after=500))
    assert download(competition(), tmp_path).read_bytes() == kaggle.contests[TABLE].archive


def test_a_wait_that_kaggle_orders_is_kept(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.fail("DownloadDataFiles", Fault(status=429, retry_after="1"))
    started = time.monotonic()
    told: list[str] = []
    download(competition(), tmp_path, listener=lambda step: told.append(step.phase))
    assert time.monotonic() - started >= 1
    assert "waiting 1 s: Kaggle answered 429" in told


def test_server_errors_pass(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.fail("DownloadDataFiles", Fault(status=500), Fault(status=503))
    kaggle.fail(FILES, Fault(status=502), Fault())
    assert download(competition(), tmp_path).exists()


def test_server_errors_that_stay_are_told(kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    kaggle.fail("ListCompetitions", *[Fault(status=500)] * 99)
    assert main(["prepare", TABLE, "--patience", "1s"]) == 1
    error = capsys.readouterr().err
    assert "Kaggle answered 500" in error and "--patience" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("subject", ["DownloadDataFiles", FILES])
def test_a_server_that_hangs_is_given_up_and_asked_again(
    kaggle: LoopbackKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subject: str
) -> None:
    monkeypatch.setenv("MLEBENCH_KAGGLE_TIMEOUT", "0.5")
    kaggle.fail(subject, Fault(hang=True, break_after=700 if subject == FILES else None))
    told: list[str] = []
    archive = download(competition(), tmp_path, listener=lambda step: told.append(step.phase))
    assert archive.read_bytes() == kaggle.contests[TABLE].archive
    assert any("timeout" in phase for phase in told)
    assert ("bytes=700-" in ranges(kaggle)) == (subject == FILES)


def test_refused_credentials_are_one_sentence(
    kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "wrong")
    assert main(["prepare", TABLE]) == 2
    error = capsys.readouterr().err
    assert "rejects the credentials from KAGGLE_USERNAME and KAGGLE_KEY" in error and "~/.kaggle/access_token" in error
    assert error.count("\n") == 1
    assert kaggle.requests(FILES) == []


def test_missing_credentials_are_told_before_anything_is_asked(
    kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    assert main(["prepare", TABLE]) == 2
    error = capsys.readouterr().err
    assert "no Kaggle credentials found" in error
    # what to do without an account
    assert "--mock" in error and "--from" in error
    assert kaggle.seen == []


@pytest.mark.parametrize("place", ["variable", "file named by the variable", "access_token", "kaggle.json", "config dir", "xdg"])
def test_credentials_of_every_documented_place_work(
    kaggle: LoopbackKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    home = Path(os.environ["HOME"])
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    old_key = json.dumps({"username": USERNAME, "key": KEY})
    files = {
        "file named by the variable": (tmp_path / "token", TOKEN),
        "access_token": (home / ".kaggle" / "access_token", TOKEN + "\n"),
        "kaggle.json": (home / ".kaggle" / "kaggle.json", old_key),
        "config dir": (tmp_path / "config" / "kaggle.json", old_key),
        "xdg": (home / ".config" / "kaggle" / "kaggle.json", old_key),
    }
    if place in files:
        path, content = files[place]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    if place == "variable":
        monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    if place == "file named by the variable":
        monkeypatch.setenv("KAGGLE_API_TOKEN", str(tmp_path / "token"))
    if place == "config dir":
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "config"))
    assert download(competition(), tmp_path).exists()
    kind = "Basic" if old_key in files.get(place, ("", ""))[1] else "Bearer"
    assert str(kaggle.seen[0].authorization).startswith(kind)


def test_all_rule_pages_are_listed_in_one_go_and_nothing_is_downloaded(
    kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open_new_tab", opened.append)
    for name in (TABLE, WHALES):
        kaggle.contests[name].accepted = False
    assert main(["prepare", TABLE, IMAGES, WHALES]) == 2
    pages = [f"https://www.kaggle.com/competitions/{name}/rules" for name in (TABLE, WHALES)]
    error = capsys.readouterr().err
    assert all(page in error for page in pages) and f"the rules of {TABLE}" in error
    assert opened == []
    assert main(["prepare", TABLE, IMAGES, WHALES, "--open"]) == 2
    assert opened == pages
    assert not any(competition(name).raw_dir.exists() for name in (TABLE, IMAGES, WHALES))


def test_unaccepted_competitions_can_be_skipped(kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    kaggle.contests[WHALES].accepted = False
    assert main(["prepare", TABLE, WHALES, "--skip-unaccepted", "--no-verify"]) == 0
    assert is_prepared(competition()) and not is_prepared(competition(WHALES))
    assert re.search(rf"{WHALES}\W+skipped", capsys.readouterr().out)


def test_a_competition_that_kaggle_does_not_know_does_not_stop_the_others(
    kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "leaf-classification", TABLE, "--no-verify"]) == 1
    assert is_prepared(competition())
    captured = capsys.readouterr()
    assert "Kaggle does not show leaf-classification" in captured.err
    assert re.search(r"leaf-classification\W+failed", captured.out)


def test_a_repacked_zip_is_told_with_both_sums_and_kept(
    kaggle: LoopbackKaggle, publish: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = publish(md5="0" * 32)
    assert main(["prepare", name]) == 1
    error = capsys.readouterr().err
    found = kaggle.contests[name].etag.strip('"')
    assert found in error and "0" * 32 in error and "re-packed" in error and "--no-verify" in error
    kaggle.seen.clear()
    assert main(["prepare", name, "--no-verify"]) == 0
    assert kaggle.seen == []


def test_a_damaged_zip_is_downloaded_again(kaggle: LoopbackKaggle, publish: Callable[..., str]) -> None:
    name = publish()
    sound = kaggle.contests[name].archive
    folder = competition(name).root
    folder.mkdir(parents=True)
    (folder / f"{name}.zip").write_bytes(sound[:200] + b"damaged" + sound[207:])
    assert main(["prepare", name]) == 0
    assert len(kaggle.requests(FILES)) == 1


def test_a_damaged_zip_without_a_published_sum_is_not_used_twice(
    kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = kaggle.contests[TABLE].archive
    kaggle.contests[TABLE].archive = sound[: len(sound) // 2]
    assert main(["prepare", TABLE, "--no-verify"]) == 1
    assert "download it again" in capsys.readouterr().err
    kaggle.contests[TABLE].archive = sound
    assert main(["prepare", TABLE, "--no-verify"]) == 0


def test_raw_data_that_turns_out_to_be_damaged_is_downloaded_again_by_the_same_command(
    kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "random-acts-of-pizza"
    kaggle.contests[name] = Contest(archive=mock_zip(name))
    words = ["prepare", name, "--no-verify", "--keep-raw"]
    assert main(words) == 0
    train = competition(name).raw_dir / "train.json"
    train.write_bytes(train.read_bytes()[: train.stat().st_size // 2])
    asked = len(kaggle.requests(FILES))
    capsys.readouterr()
    assert main([*words, "--force"]) == 1
    error = capsys.readouterr().err
    assert "raw/train.json is damaged" in error
    assert f"download it again with `mlebench prepare {name} --keep-raw --no-verify --force`" in error
    assert len(kaggle.requests(FILES)) == asked
    assert main([*words, "--force"]) == 0
    assert len(kaggle.requests(FILES)) > asked
    assert is_prepared(competition(name)) and not list(competition(name).root.glob("damaged.json"))


def test_a_download_that_was_checked_is_not_blamed(
    kaggle: LoopbackKaggle, publish: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty(raw: Path, public: Path, private: Path) -> None:
        raise KeyError("a fault of ours")

    name = publish()
    monkeypatch.setattr(Competition, "prepare_fn", staticmethod(faulty))
    assert main(["prepare", name]) == 1
    assert "preparation failed unexpectedly (KeyError: 'a fault of ours'); " in capsys.readouterr().err
    assert (competition(name).raw_dir / "train.csv").exists()
    assert not (competition(name).root / "damaged.json").exists()


def test_what_somebody_has_is_taken_as_zip_or_folder(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    archive = tmp_path / "had.zip"
    archive.write_bytes(kaggle.contests[TABLE].archive)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "had")
    assert main(["prepare", TABLE, "--no-verify", "--from", str(archive)]) == 0
    assert main(["prepare", TABLE, "--no-verify", "--from", str(tmp_path / "had"), "--edition", "v2"]) == 0
    assert archive.exists() and (tmp_path / "had" / "train.csv").exists()
    assert kaggle.seen == []


def test_a_download_reports_its_bytes(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    steps: list[Step] = []
    archive = download(competition(), tmp_path, listener=steps.append)
    assert_sound([step for step in steps if step.phase == "downloading"], phases=["downloading"])
    assert steps[-1].done == archive.stat().st_size and steps[-1].unit == BYTES


def test_bandwidth_is_limited_over_all_downloads(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    size = len(kaggle.contests[TABLE].archive)
    limit = RateLimit(2 * size)
    started = time.monotonic()
    for folder in ("first", "second"):
        download(competition(), tmp_path / folder, transfer=Transfer(limit=limit))
    limit.take(1)
    assert time.monotonic() - started >= 1


def take_much(limit: RateLimit, together: Barrier, times: Queue[tuple[float, float]]) -> None:
    together.wait()
    started = time.monotonic()
    for _ in range(10):
        limit.take(100_000)
    times.put((started, time.monotonic()))


def test_bandwidth_is_shared_by_processes() -> None:
    context = multiprocessing.get_context("spawn")
    limit, together, times = RateLimit(1_000_000), context.Barrier(2), context.Queue()
    workers = [context.Process(target=take_much, args=(limit, together, times)) for _ in range(2)]
    for worker in workers:
        worker.start()
    # of all processes of a machine, monotonic time is the same
    starts, ends = zip(*(times.get(timeout=120) for _ in workers), strict=True)
    for worker in workers:
        worker.join()
    # twenty pieces of a tenth of a second, the last of which may leave at once; each on its own takes 0.9 s
    assert max(ends) - min(starts) >= 1.5


def test_workers_get_the_limit(kaggle: LoopbackKaggle) -> None:
    size = 2_000_000
    for name in (TABLE, IMAGES):
        archive = BytesIO(mock_zip(name))
        with zipfile.ZipFile(archive, "a") as opened:
            opened.writestr("notes.bin", os.urandom(size))
        kaggle.contests[name].archive = archive.getvalue()
    words = ["prepare", TABLE, IMAGES, "--no-verify", "--jobs", "2", "--max-rate", str(size // 2)]
    started = time.monotonic()
    assert main(words) == 0
    # without a limit it takes about two
    assert time.monotonic() - started >= 3.75


def test_published_names_download_too(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    archive = download_dataset(competition(), tmp_path / "here")
    assert archive.read_bytes() == kaggle.contests[TABLE].archive
    download_and_prepare_dataset(competition(), keep_raw=True, skip_verification=True)
    assert is_prepared(competition()) and (competition().raw_dir / "train.csv").exists()


def test_a_mock_is_never_taken_for_the_download(kaggle: LoopbackKaggle) -> None:
    assert main(["prepare", TABLE, "--mock"]) == 0
    assert main(["prepare", TABLE, "--no-verify", "--force", "--keep-raw"]) == 0
    assert len(kaggle.requests("DownloadDataFiles")) >= 1
    assert not (competition().root / "mock.json").exists()


def test_a_download_link_that_has_run_out_is_asked_for_again(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.fail(FILES, Fault(status=403), Fault(break_after=500), Fault(status=400), Fault(status=403))
    told: list[str] = []
    archive = download(competition(), tmp_path, listener=lambda step: told.append(step.phase))
    assert archive.read_bytes() == kaggle.contests[TABLE].archive
    assert len(kaggle.requests("DownloadDataFiles")) == 5
    assert any("the download link returned 403" in phase for phase in told)
    assert "bytes=500-" in ranges(kaggle)


def test_a_web_page_is_not_taken_for_the_zip_and_drops_nothing(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.fail(FILES, Fault(web_page=True), Fault(break_after=500), Fault(web_page=True))
    assert download(competition(), tmp_path).read_bytes() == kaggle.contests[TABLE].archive
    assert ranges(kaggle) == [None, None, "bytes=500-", "bytes=500-"]


def test_each_connection_finds_the_credentials_anew(
    kaggle: LoopbackKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kaggle.fail(FILES, Fault(break_after=500))
    # the token of a login may be replaced while a large download goes on
    download(competition(), tmp_path, listener=lambda step: monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN))
    kinds = [str(request.authorization).partition(" ")[0] for request in kaggle.requests("DownloadDataFiles")]
    assert kinds[-1] == "Bearer"


def test_a_login_is_renewed_over_a_broken_network_and_its_end_is_told(
    kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests
    from kagglesdk.kaggle_creds import KaggleCredentials

    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    login = Path(os.environ["HOME"]) / ".kaggle" / "credentials.json"
    login.parent.mkdir()
    login.write_text(json.dumps({"refresh_token": "r"}))
    answers: list[Exception | str] = [requests.ConnectionError("no route"), TOKEN]

    def answer(self: KaggleCredentials) -> str:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(KaggleCredentials, "get_access_token", answer)
    assert find_credentials().token == TOKEN
    answers.append(requests.HTTPError("401"))
    with pytest.raises(UsageError, match="the Kaggle login has expired"):
        find_credentials()


def test_an_ordered_wait_of_nothing_is_no_hammering(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("mlebench.kaggle.patience.time.sleep", pauses.append)
    patience = Patience(60)
    for _ in range(3):
        patience.wait_after("Kaggle answered 429", retry_after="0")
    assert all(pause > 0 for pause in pauses) and pauses == sorted(pauses)
