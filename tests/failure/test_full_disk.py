"""A disk that is full, whatever is being written: one sentence, exit code 1, and what was written before stands."""

import errno
import logging
import os
import shutil
import subprocess
import threading
import warnings
from pathlib import Path

import pytest

from iolaus.loggers.run_logger import Identity
from iolaus.loggers.tensorboard import TensorBoard
from iolaus.loggers.unfailing import Unfailing
from iolaus.process.full_disk import DiskFullError, is_full, told
from iolaus.process.logs import LogFile, Terminal
from tests.conftest import REPOSITORY, Command
from tests.failure import small_disk
from tests.forks import Forks

# A user's own package, in whose run the disk is full from the end of the first epoch on.
_PACKAGE = """
import errno, os
from lightning.pytorch.callbacks import Callback
import iolaus.durable

def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

class Filling(Callback):
    def on_train_epoch_end(self, trainer, module):
        iolaus.durable.write = full
"""


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    tried = subprocess.run(command, capture_output=True, check=False)
    return tried.returncode == 0


def test_metrics_that_cannot_be_written_end_the_run_with_a_sentence(command: Command, tmp_path: Path) -> None:
    (tmp_path / "filling.py").write_text(_PACKAGE)
    path = f"{tmp_path}{os.pathsep}{REPOSITORY / 'src'}"
    options = ("packages=[filling]", "+callbacks.filling._target_=filling.Filling", "run_dir=run", "trainer=cpu")
    result = command(*options, "callbacks.checkpoint.every_minutes=0", "model.dim=16", PYTHONPATH=path)
    assert result.returncode == 1, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: the disk is full (")
    assert f"go on with resume={tmp_path / 'run'}" in line


@pytest.mark.skipif(not _can_mount(), reason="needs leave to mount a small disk of its own")
@pytest.mark.parametrize("size", ["24k", "60k", "1m"])
def test_a_disk_of_its_own_that_fills_up(forks: Forks, tmp_path: Path, size: str) -> None:
    """Whatever is the first not to fit: the log, the config, metrics, TensorBoard's events or a checkpoint."""
    options = ["trainer=cpu", "run_dir=run", "model.dim=128", "trainer.max_epochs=3", "logger=tensorboard"]
    ended = forks(options, tmp_path, prelude=(small_disk.__name__, {"size": size}))
    assert ended.code == 1, ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1, ended.stderr
    assert all(line.startswith(("error: ", "warning: ")) for line in lines), ended.stderr
    assert len(lines) == len(set(lines))


def test_a_log_that_cannot_be_written_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("has no /dev/full")
    handler = LogFile("/dev/full", delay=True)
    logger = logging.Logger("full")
    logger.addHandler(handler)
    for number in range(3):
        logger.warning("line %d", number)
    handler.handle(logging.LogRecord("full", logging.ERROR, "", 0, "the run goes on", None, None))
    assert capsys.readouterr().err == "warning: /dev/full cannot be written (No space left on device).\n"
    with pytest.raises(OSError, match="No space"):  # what it could not write it still has
        handler.close()


def test_a_log_that_cannot_be_opened_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogFile(tmp_path / "nowhere" / "run.log", delay=True)
    for _ in range(2):
        handler.handle(logging.LogRecord("full", logging.ERROR, "", 0, "line", None, None))
    assert capsys.readouterr().err.count("cannot be written (No such file or directory)") == 1


def test_a_reader_who_goes_is_not_missed(capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    handler = Terminal(stream)
    os.close(reader)
    for number in range(3):
        handler.handle(logging.LogRecord("gone", logging.INFO, "", 0, f"line {number}", None, None))
    stream.close()
    assert capsys.readouterr().err == ""


def test_full_is_what_the_system_says_also_behind_a_librarys_error(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    behind = RuntimeError("unexpected pos 0 vs 12")  # torch's own, while it cleans up
    behind.__context__ = full
    assert is_full(behind)
    assert not is_full(OSError(errno.EACCES, "Permission denied"))
    with (
        pytest.raises(DiskFullError, match=r"^the disk is full \(.*\): make room, and go on with resume="),
        told(tmp_path),
    ):
        raise full
    with pytest.raises(PermissionError), told(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_tensorboards_thread_prints_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorboard")
    seen: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: seen.append(arguments.exc_value))
    others = threading.enumerate()
    logger = Unfailing(TensorBoard(Identity(tmp_path)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", full)
    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.flush", full)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for step in range(100):
            logger.log_metrics({"loss": 1.0}, step)
            logger.save()
        logger.finalize("success")
        logger.close({"status": "finished"})
    for thread in set(threading.enumerate()) - set(others):
        thread.join(timeout=60)
    assert len([warning for warning in said if "TensorBoard has stopped" in str(warning.message)]) == 1
    assert seen == []
    assert capsys.readouterr().err == ""
    failing = threading.Thread(target=full)  # any other thread's error is still heard of
    failing.start()
    failing.join()
    assert len(seen) == 1
