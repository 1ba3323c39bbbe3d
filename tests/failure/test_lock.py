"""Two processes never work in one run, and nothing has to be cleared away after one that died."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iolaus.folder import lock
from iolaus.folder.place import claim
from iolaus.sweep.job import Job
from iolaus.sweep.trial import run_job
from tests.conftest import Command
from tests.failure.processes import start, text_of, wait_for

_LONG = ("trainer=cpu", "trainer.max_epochs=100000")
_HOLDER = "import sys; from pathlib import Path; from iolaus.folder import lock; lock.hold(Path(sys.argv[1]))\n"
_WAITS = "print('held', flush=True); sys.stdin.read()\n"
# Starts a process that inherits the lock, says its number, and is killed itself.
_PARENT = """
import os, signal, subprocess
file = lock._held[Path(sys.argv[1]).resolve()]
child = subprocess.Popen(["sleep", "600"], pass_fds=[file], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def _holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER + _WAITS, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def _without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.0)


def test_who_comes_second_is_told_who_is_there(tmp_path: Path) -> None:
    with _holder(tmp_path) as other:
        with pytest.raises(ValueError, match=rf"^process {other.pid} on .* is at work in .*\(kill {other.pid}\)\.$"):
            lock.hold(tmp_path)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        lock.hold(tmp_path)  # the dead leave nothing that has to be broken
    lock.hold(tmp_path)
    lock.release(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_processes_that_a_run_started_keep_its_lock(tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-c", _HOLDER + _PARENT, tmp_path], stdout=subprocess.PIPE, text=True, check=False
    )
    assert started.returncode == -signal.SIGKILL
    child = int(started.stdout)
    with pytest.raises(ValueError, match="is at work"):
        lock.hold(tmp_path)
    os.kill(child, signal.SIGKILL)
    lock._PATIENCE_SECONDS = 60.0
    lock.hold(tmp_path)
    lock.release(tmp_path)


def test_the_end_of_a_child_is_not_the_runs(tmp_path: Path) -> None:
    forks = (
        "pid = os.fork()\nif pid == 0: sys.exit()\nos.waitpid(pid, 0)\nprint((Path(sys.argv[1]) / '.lock').exists())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", f"import os\n{_HOLDER}{forks}", tmp_path], stdout=subprocess.PIPE, text=True, check=True
    )
    assert ended.stdout == "True\n"
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_name_the_same_folder_one_gets_it(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with _holder(tmp_path / "run"), pytest.raises(ValueError, match="is at work"):
        claim(str(tmp_path / "run"))
    assert claim(str(tmp_path / "run")) == tmp_path / "run"
    lock.release(tmp_path / "run")


def test_a_strangers_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("untouched")
    for make in (os.symlink, os.link):
        run = tmp_path / make.__name__
        run.mkdir()
        make(precious, run / lock.NAME)
        with pytest.raises(ValueError, match=r"\.lock|is at work"):
            lock.hold(run)
    assert precious.read_text() == "untouched"


def test_a_trial_whose_folder_is_at_work_fails_with_the_sentence(tmp_path: Path) -> None:
    with _holder(tmp_path) as other:
        (tmp_path / "config.yaml").write_text("precious")
        ended = run_job(Job("0", tmp_path, ["trainer=cpu"], "sweep", [], "train.py"))
    assert ended.status == "failed"
    assert ended.reason is not None
    assert ended.reason.startswith(f"process {other.pid} on ")
    assert (tmp_path / "config.yaml").read_text() == "precious"


def test_a_run_that_is_alive_is_not_gone_on_with(command: Command, tmp_path: Path) -> None:
    process = start(tmp_path, *_LONG, "run_dir=run")
    folder = tmp_path / "run"
    wait_for((folder / "checkpoints" / "last.ckpt").exists, process)
    for again in (["resume=run"], [*_LONG, "run_dir=run", "resume=auto"]):
        result = command(*again)
        assert result.returncode == 2, result.stderr
        (line,) = result.stderr.strip().splitlines()
        assert f"process {process.pid} on " in line
        assert "is at work in" in line
    assert json.loads((folder / "summary.json").read_text())["status"] == "running"
    assert text_of(folder / "run.log").count("folder ") == 1
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 143, errors
    assert not (folder / lock.NAME).exists()
