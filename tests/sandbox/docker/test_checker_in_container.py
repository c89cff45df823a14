"""The submission checker as an agent sees it, with no network."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.grade import validate_submission
from mlebench.registry import Registry
from tests.sandbox.docker.conftest import Bench
from tests.waiting import wait_until

ASK = r"""
cd /home/logs
curl -sS http://localhost:5000/health > health.txt
python - <<'END'
import pandas as pd
sample = pd.read_csv("/home/data/sample_submission.csv")
for name, value in (("no", False), ("yes", True)):
    sample.assign(Transported=value).to_csv(f"/home/logs/{name}.csv", index=False)
sample.drop(columns="Transported").to_csv("/home/logs/column.csv", index=False)
for seed in (1, 2):
    pd.concat([sample.assign(Transported=[(row * seed) % 3 == 0 for row in range(len(sample))]), sample.iloc[:1]]
    ).to_csv(f"/home/logs/twice{seed}.csv", index=False)
END
for name in no yes column twice1 twice2; do
    curl -sS -i -F "file=@$name.csv" http://localhost:5000/validate > $name.http
    /home/validate_submission.sh $name.csv > $name.txt 2>&1
    echo $? >> $name.txt
done
"""
FLOOD = r"""
import http.client, os, random, socket, threading, time
random.seed(0)
def one(kind):
    if kind == 0:
        connection = socket.create_connection(("127.0.0.1", 5000), 30)
        connection.sendall(os.urandom(200) + b"\r\n\r\n")
        connection.close()
        return
    connection = http.client.HTTPConnection("127.0.0.1", 5000, timeout=30)
    requests = [
        ("GET", "/../../etc/passwd", None, {}),
        ("POST", "/validate", b"", {}),
        ("POST", "/validate", b"x" * 500, {"Content-Type": "multipart/form-data"}),
        ("POST", "/validate", b"x" * 500, {"Content-Type": "multipart/form-data; boundary=b"}),
        ("POST", "/validate", b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--\r\n',
         {"Content-Type": "multipart/form-data; boundary=b"}),
        ("POST", "/score", b"x", {}),
        ("DELETE", "/validate", None, {}),
        ("POST", "/validate", None, {"Content-Length": "99999999999999"}),
    ]
    method, path, body, headers = random.choice(requests)
    try:
        connection.request(method, path, body, headers)
        status = connection.getresponse().status
        assert status >= 400, status
    finally:
        connection.close()
def many():
    for number in range(1000):
        try:
            one(number % 10)
        except (OSError, http.client.HTTPException):
            pass
threads = [threading.Thread(target=many) for _ in range(10)]
began = time.time()
for thread in threads: thread.start()
for thread in threads: thread.join()
print("flooded in", round(time.time() - began), "s")
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    data = tmp_path_factory.mktemp("data")
    assert main(["prepare", "spaceship-titanic", "--mock", "--data-dir", str(data)]) == 0
    return Registry().set_data_dir(data)


def test_answers_are_those_of_validate_and_tell_nothing_more(bench: Bench, prepared: Registry) -> None:
    competition = prepared.get_competition("spaceship-titanic")
    ended = bench.run(ASK, public_dir=competition.public_dir, validate=lambda path: validate_submission(path, competition))
    logs = ended.run_dir / "logs"
    assert "running" in (logs / "health.txt").read_text()
    # valid ones with different scores: the same answer, byte for byte
    assert (logs / "no.http").read_bytes() == (logs / "yes.http").read_bytes()
    assert b'"valid": true' in (logs / "no.http").read_bytes()
    # invalid ones of the same form as well
    assert (logs / "twice1.http").read_bytes() == (logs / "twice2.http").read_bytes()
    for name in ("no", "yes", "column", "twice1"):
        valid, message = validate_submission(logs / f"{name}.csv", competition)
        text, code = (logs / f"{name}.txt").read_text().rstrip().rsplit("\n", 1)
        assert code == ("0" if valid else "1")
        assert text.startswith("valid: " if valid else "not valid: ")
        if not valid:
            assert message.replace(str(logs / f"{name}.csv"), "the file") in text
    assert ended.outcome.resources["checker_calls"] == 10


def test_ten_thousand_bad_requests_change_nothing(bench: Bench) -> None:
    checked: list[bytes] = []

    def validate(path: Path) -> tuple[bool, str]:
        checked.append(path.read_bytes())
        return True, "score 0.123"

    gc.collect()
    threads = threading.active_count()
    script = (
        "/home/validate_submission.sh /home/data/train.csv > /home/logs/before\n"
        "python /home/agent/flood.py\n"
        "/home/validate_submission.sh /home/data/train.csv > /home/logs/after\n"
        "curl -sS http://localhost:5000/health > /home/logs/health"
    )
    ended = bench.run(script, files={"flood.py": FLOOD}, validate=validate, profile={"time_limit": 500})
    assert ended.outcome.state == "finished", ended.log
    logs = ended.run_dir / "logs"
    assert (logs / "before").read_text() == (logs / "after").read_text() == "valid: the submission is valid\n"
    assert "running" in (logs / "health").read_text()
    assert checked == [(bench.public / "train.csv").read_bytes()] * 2
    wait_until(lambda: threading.active_count() <= threads, explain=threading.enumerate)


def test_too_many_and_too_large_questions_are_turned_away(bench: Bench) -> None:
    # at once, as every few seconds one more is let through
    script = (
        "for i in $(seq 40); do curl -sS -o /dev/null -w '%{http_code}\\n' -F file=@/home/data/train.csv "
        "http://localhost:5000/validate & done > /home/logs/codes; wait\n"
        "truncate -s 600M /tmp/large\n"
        "curl -sS -w '%{http_code}' -F file=@/tmp/large http://localhost:5000/validate > /home/logs/large"
    )
    ended = bench.run(script, validate=lambda path: (True, ""))
    codes = (ended.run_dir / "logs" / "codes").read_text().split()
    assert set(codes) == {"200", "429"} and codes.count("200") >= 10
    assert (ended.run_dir / "logs" / "large").read_text().endswith("413")
