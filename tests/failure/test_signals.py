"""What a signal does to a run: the first is a request, the second an order."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from iolaus.callbacks.stop import Stop
from iolaus.process.interruption import Interrupted, Interruption
from tests.failure.fits import batches_of, parts
from tests.failure.processes import start, wait_for
from tests.faults.compare import load, unequal

_LONG = ("trainer=cpu", "trainer.max_epochs=100000")


def _summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


class _Strike(Callback):
    """Has a signal arrive in the n-th call of a hook."""

    def __init__(self, interruption: Interruption, hook: str, number: int) -> None:
        self._left = number
        setattr(self, hook, lambda *_, **__: self._count(interruption))

    def _count(self, interruption: Interruption) -> None:
        if self._left == 0:
            interruption.receive(signal.SIGTERM)
        self._left -= 1


def _stopped(folder: Path, hook: str, number: int, *overrides: str) -> tuple[Any, Any]:
    interruption = Interruption()
    callbacks = [_Strike(interruption, hook, number), Stop(interruption)]
    trainer, task, data = parts(folder, *overrides, callbacks=callbacks)
    with pytest.raises(Interrupted) as raised:
        trainer.fit(task, datamodule=data)
    assert raised.value.exit_code == 143
    return trainer, data


def _saved_steps(folder: Path) -> int:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]


def test_the_step_under_way_is_finished_and_saved(tmp_path: Path) -> None:
    trainer, _ = _stopped(tmp_path, "on_before_backward", 2)
    assert trainer.global_step == _saved_steps(tmp_path) == 3


def test_a_step_is_all_the_batches_that_it_accumulates(tmp_path: Path) -> None:
    trainer, data = _stopped(tmp_path, "on_after_backward", 3, "trainer.accumulate_grad_batches=3")
    assert trainer.global_step == _saved_steps(tmp_path) == 2
    assert trainer.fit_loop.epoch_loop.batch_progress.current.ready == 6
    assert len(batches_of(data)) > 6


@pytest.mark.parametrize(("hook", "number"), [("on_before_backward", 11), ("on_validation_batch_start", 8)])
def test_what_was_trained_before_a_validation_is_saved_before_it_or_in_its_midst(
    tmp_path: Path, hook: str, number: int
) -> None:
    options = ("data.batch_size=32", "callbacks.ema.decay=0.5")  # which swaps weights for a validation of 5 batches
    trainer, task, data = parts(tmp_path / "whole", *options)
    trainer.fit(task, datamodule=data)
    _stopped(tmp_path / "stopped", hook, number, *options)
    assert _saved_steps(tmp_path / "stopped") == 12
    trainer, task, data = parts(tmp_path / "stopped", *options)
    last = tmp_path / "stopped" / "checkpoints" / "last.ckpt"
    trainer.fit(task, datamodule=data, ckpt_path=last, weights_only=True)
    whole = load(tmp_path / "whole" / "checkpoints" / "last.ckpt")
    assert unequal(whole, load(last)) == []


def test_a_validation_in_the_midst_of_a_step_goes_on(tmp_path: Path) -> None:
    options = ("trainer.accumulate_grad_batches=2", "+trainer.val_check_interval=3")
    trainer, _ = _stopped(tmp_path, "on_validation_batch_start", 0, *options)
    assert trainer.global_step == _saved_steps(tmp_path) == 2


def test_a_request_outside_a_loop_strikes_at_once() -> None:
    interruption = Interruption()
    with pytest.raises(Interrupted) as raised:
        interruption.receive(signal.SIGINT)
    assert raised.value.exit_code == 130
    with pytest.raises(Interrupted):
        interruption.check()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, sent: int, code: int) -> None:
    process = start(tmp_path, *_LONG, "run_dir=stopped")
    folder = tmp_path / "stopped"
    wait_for((folder / "checkpoints" / "last.ckpt").exists, process)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == code, errors
    assert errors.strip() == "stopped; go on with: python train.py resume=stopped"
    summary = _summary(folder)
    assert (summary["status"], summary["exit_code"]) == ("interrupted", code)
    assert "stopped by" in (folder / "run.log").read_text()


def test_before_the_run_trains_there_is_nothing_to_save(tmp_path: Path) -> None:
    process = _slow(tmp_path, "data._target_=slow.SlowDigits")
    wait_for((tmp_path / "reading").exists, process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 143, errors
    assert "it had saved nothing yet" in errors
    assert "Traceback" not in errors
    assert _summary(tmp_path / "slow")["status"] == "interrupted"


def test_the_second_signal_is_an_order(tmp_path: Path) -> None:
    process = _slow(tmp_path, "task._target_=slow.SlowClassify")
    wait_for((tmp_path / "stepping").exists, process)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):  # it waits for the step
        process.wait(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130, errors
    assert _summary(tmp_path / "slow")["status"] == "interrupted"


# A user's own package, whose data take long to read and whose steps take long.
_SLOW = """
import pathlib, time
from iolaus.data.images.digits import Digits
from iolaus.tasks.classify import Classify

class SlowDigits(Digits):
    def load(self):
        pathlib.Path("reading").touch()
        time.sleep(300)

class SlowClassify(Classify):
    def training_step(self, batch, batch_idx):
        pathlib.Path("stepping").touch()
        time.sleep(300)
"""


def _slow(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    (folder / "slow.py").write_text(_SLOW)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return start(folder, "trainer=cpu", "packages=[slow]", "run_dir=slow", *overrides, PYTHONPATH=path)
