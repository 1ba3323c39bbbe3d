"""Memory that does not suffice: said before, said when it happens, and the largest batch that fits."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image
from torch import Tensor, nn

from iolaus.training import batch_size, memory
from iolaus.training.batch_size import find_batch_size
from iolaus.training.memory import OutOfMemoryError, is_out_of_memory, shortage, step_bytes
from tests.conftest import Command
from tests.failure.fits import parts, weights


def test_what_a_step_saves_is_counted() -> None:
    model = nn.Sequential(nn.Linear(1000, 2000), nn.ReLU(), nn.Linear(2000, 1000))
    num_weights = sum(parameter.numel() for parameter in model.parameters())
    for size in (1, 64):
        # Saved: the input, what comes out of the ReLU (for both its own gradient and the layer's), and nothing twice.
        saved = size * (1000 + 2000)
        expected = 4 * (4 * num_weights + saved + 2000 * size)
        assert step_bytes(model, torch.zeros(1, 1000), size) == expected
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_what_depends_on_values_has_no_estimate() -> None:
    class Gated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    assert step_bytes(Gated(), torch.zeros(1, 3), 8) is None
    assert shortage(Gated(), torch.zeros(1, 3), 8) is None


def test_a_shortage_is_told_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(1000, 1000)
    assert shortage(model, torch.zeros(1, 1000), 64) is None
    monkeypatch.setattr(memory, "free_bytes", lambda: 2**20)
    warning = shortage(model, torch.zeros(1, 1000), 1000)
    assert warning is not None
    assert "data.batch_size=1000 may need about 0.0 GB" in warning
    assert "trainer.batch_size=auto" in warning


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("train", "on cpu with data.batch_size=64: type data.batch_size=32 "),
        ("val", "on cpu with data.batch_size=64: type data.batch_size=32 "),
        ("test", "on cpu in the test, with data.batch_size=64: what was trained is kept, so type iolaus evaluate "),
        ("build", "before the first step: "),
    ],
)
def test_an_allocator_that_refuses_is_told_in_one_sentence(
    tmp_path: Path, command: Command, phase: str, told: str
) -> None:
    result = command(*_greedy(tmp_path), PYTHONPATH=_path(tmp_path), GREEDY=phase)
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith(f"error: out of memory {told}")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["status"], summary["error"]) == ("failed", line.removeprefix("error: "))


def test_verbs_tell_it_too(tmp_path: Path, command: Command) -> None:
    assert command(*_greedy(tmp_path), PYTHONPATH=_path(tmp_path), GREEDY="").returncode == 0
    environment = {"PYTHONPATH": _path(tmp_path), "GREEDY": "test"}
    result = command("evaluate", "run", "--package", "greedy", verb=True, **environment)
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("precision")]
    assert line.startswith("error: out of memory on cpu with data.batch_size=64: type data.batch_size=32 ")
    Image.new("L", (8, 8)).save(tmp_path / "picture.png")
    asked = ("predict", "run", "--package", "greedy", "--input", "picture.png")
    result = command(*asked, verb=True, **environment | {"GREEDY": "predict"})
    assert result.returncode == 1
    assert result.stderr == "error: out of memory with 64 at a time: type --batch-size 32.\n"
    assert command(*asked, "--batch-size", "1", verb=True, **environment).stdout.startswith("name,prediction,")
    assert command(*asked, "--batch-size", "0", verb=True, **environment).returncode == 2


def test_an_accelerators_refusal_is_one_too() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_the_largest_batch_is_found_by_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, task, data = parts(tmp_path, "model=cnn")
    before, tried = weights(task), []
    step = batch_size._step

    def counted(trainer: Any, task: Any, data: Any, size: int) -> None:
        tried.append(size)
        step(trainer, task, data, size)

    monkeypatch.setattr(batch_size, "_step", counted)
    assert find_batch_size(trainer, task, data) == 1024  # of 1294 samples
    assert tried == [2**power for power in range(1, 11)]
    assert all(torch.equal(before[name], value) for name, value in weights(task).items())
    assert task.meters["train"].take() == {}
    assert all(parameter.grad is None for parameter in task.parameters())


def test_a_cpu_is_never_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"VmRSS": 1000, "VmHWM": 0}
    monkeypatch.setattr(batch_size, "_memory", held.__getitem__)
    tried: list[int] = []

    def step(size: int) -> None:
        tried.append(size)
        held["VmHWM"] = 1000 + 100 * size

    assert batch_size._grow(batch_size._measured(step, free=5000), most=10**6) == 32
    assert tried == [2, 4, 8, 16, 32]  # 64 would take more than 0.8 of what is free


def test_one_sample_alone_is_what_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"VmRSS": 1000, "VmHWM": 0}
    monkeypatch.setattr(batch_size, "_memory", held.__getitem__)

    def step(size: int) -> None:
        held["VmHWM"] = 1000 + 3000 * size

    assert batch_size._grow(batch_size._measured(step, free=5000), most=10**6) == 1
    assert batch_size._grow(batch_size._measured(step, free=3000), most=10**6) == 0


def test_batch_norm_is_not_tried_on_a_single_sample(tmp_path: Path) -> None:
    assert find_batch_size(*parts(tmp_path, "model=mlp", "model.norm=batch")) == 1024


def test_an_accelerator_says_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: None)

    def step(size: int) -> None:
        if size > 20:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    assert batch_size._grow(lambda size: batch_size._fits(lambda: step(size)), most=10**6) == 16
    with pytest.raises(RuntimeError, match="shapes"):
        batch_size._fits(_wrong)


def _wrong() -> None:
    raise RuntimeError("shapes")


def test_nothing_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, task, data = parts(tmp_path)
    monkeypatch.setattr(batch_size, "free_bytes", lambda: 0)
    monkeypatch.setattr(batch_size, "_memory", {"VmRSS": 1000, "VmHWM": 1001}.__getitem__)
    with pytest.raises(OutOfMemoryError, match=r"data\.batch_size=1:"):
        find_batch_size(trainer, task, data)


def test_the_size_that_was_found_is_the_runs(command: Command, tmp_path: Path) -> None:
    result = command("trainer.batch_size=auto", "trainer.max_epochs=1", "run_dir=run", "trainer=cpu")
    assert result.returncode == 0, result.stderr
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert (config["data"]["batch_size"], config["trainer"]["batch_size"]) == (1024, None)
    overrides = yaml.safe_load((tmp_path / "run" / "overrides.yaml").read_text())
    assert "data.batch_size=1024" in overrides
    assert "trainer.batch_size=null" in overrides
    assert command("resume=run", "trainer.max_epochs=2").returncode == 0


def test_several_processes_cannot_measure(command: Command) -> None:
    result = command("trainer.batch_size=auto", "trainer=ddp", "trainer.accelerator=cpu")
    assert result.returncode == 2
    assert "trainer.batch_size=auto measures one process" in result.stderr


_GREEDY = """
import os
import torch
from iolaus.tasks.classify import Classify

def want(phase):
    if os.environ["GREEDY"] == phase:
        torch.empty(2**60)

class Greedy(Classify):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        if next(self.parameters()).device.type == "cpu":
            want("build")

    def step(self, batch, stage):
        want(stage)
        return super().step(batch, stage)

    def forward(self, x):
        want("predict")
        return super().forward(x)
"""


def _greedy(folder: Path) -> tuple[str, ...]:
    """A run that asks for more than there is, in the phase that the environment names."""
    (folder / "greedy.py").write_text(_GREEDY)
    short = ("trainer.max_epochs=1", "+trainer.limit_train_batches=2", "model.dim=16", "run_dir=run", "trainer=cpu")
    return ("packages=[greedy]", "task._target_=greedy.Greedy", *short)


def _path(folder: Path) -> str:
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
