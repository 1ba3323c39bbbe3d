"""A loss or gradient that is not finite: the run stops at that step and says where it began, or leaves the step out."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from iolaus.callbacks.host_copy import HostCopy
from iolaus.callbacks.non_finite import NonFinite, NonFiniteError, _Step
from iolaus.callbacks.origin import origin_of_gradient, shortened
from tests.conftest import Command
from tests.failure.fits import batches_of, parts, weights


class _Infinite(torch.autograd.Function):
    """Passes values on, and gives back gradients that are not finite."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return gradient * float("inf")


def _spoil(module: nn.Module, task: nn.Module, at_batch: int, change: Any) -> None:
    """From the `at_batch`-th forward pass of training on, changes what comes out of the module."""
    seen: list[Tensor] = []

    def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        if not task.training:
            return None
        if not any(torch.equal(inputs[0], earlier) for earlier in seen):
            seen.append(inputs[0].detach().clone())
        is_due = torch.equal(inputs[0], seen[at_batch]) if len(seen) > at_batch else False
        return change(output) if is_due else None

    module.register_forward_hook(hook)


def _layer(task: nn.Module) -> tuple[str, nn.Module]:
    """A linear layer in the middle of the network."""
    layers = [(name, module) for name, module in task.named_modules() if isinstance(module, nn.Linear)]
    return layers[1]


def test_a_loss_that_is_not_finite_stops_the_run_at_its_step(tmp_path: Path) -> None:
    trainer, task, data = parts(tmp_path, "optimizer=sgd", "optimizer.lr=0.01", "model.dropout=0.2")
    name, layer = _layer(task)
    _spoil(layer, task, 3, lambda output: output.index_fill(1, torch.tensor([0]), float("nan")))
    with pytest.raises(NonFiniteError) as raised:
        trainer.fit(task, datamodule=data)
    message = str(raised.value)
    assert message.startswith(f"at step 3 the loss is nan: it began in {name} (Linear); training samples ")
    assert "learning rate 0.01" in message
    assert trainer.global_step == 3
    report = json.loads((tmp_path / "nonfinite.json").read_text())
    assert report["samples"] == batches_of(data)[3]
    assert (report["step"], report["epoch"], report["learning_rate"]) == (3, 0, 0.01)
    assert all(value.isfinite().all() for value in task.state_dict().values())


def test_a_gradient_that_is_not_finite_is_named_by_its_parameter(tmp_path: Path) -> None:
    trainer, task, data = parts(tmp_path, "trainer.accumulate_grad_batches=2")
    name, layer = _layer(task)
    before = None

    class Before(Callback):
        def on_before_optimizer_step(self, *_: Any) -> None:
            nonlocal before
            before = weights(task)

    trainer.callbacks.insert(0, Before())
    _spoil(layer, task, 3, _Infinite.apply)
    with pytest.raises(NonFiniteError, match="at step 1 a gradient is not finite") as raised:
        trainer.fit(task, datamodule=data)
    assert f"it began in the gradient of {name}.bias" in str(raised.value)
    batches = batches_of(data)
    assert json.loads((tmp_path / "nonfinite.json").read_text())["samples"] == batches[2] + batches[3]
    assert before is not None
    assert all(torch.equal(before[key], value) for key, value in task.state_dict().items())


def test_a_sample_that_is_not_finite_is_named(tmp_path: Path) -> None:
    trainer, task, data = parts(tmp_path)
    bad = batches_of(data)[2][5]
    normalize = data.normalize

    def spoilt(batch: Any) -> Any:
        batch = normalize(batch)
        batch.input[batch.index == bad] = float("inf")
        return batch

    data.normalize = spoilt  # type: ignore[method-assign]
    with pytest.raises(NonFiniteError, match=f"began in the data: of the samples {bad} not every value is finite"):
        trainer.fit(task, datamodule=data)


@pytest.mark.parametrize("change", [lambda output: output * float("nan"), _Infinite.apply])
def test_a_skipped_step_leaves_everything_as_it_was(tmp_path: Path, change: Any) -> None:
    """With norms' running statistics and an optimizer that moves weights by itself (momentum, weight decay)."""
    options = ("model=cnn", "trainer.on_nonfinite=skip", "trainer.max_epochs=1", "optimizer.weight_decay=0.1")
    trainer, task, data = parts(tmp_path, *options)
    kept: list[dict[str, Tensor]] = []

    class Keep(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            kept.append(weights(task))

        def on_train_end(self, *_: Any) -> None:
            kept.append(weights(task))

    trainer.callbacks.append(Keep())
    convolutions = [module for module in task.modules() if isinstance(module, nn.Conv2d)]
    _spoil(convolutions[0], task, 3, change)
    with pytest.warns(UserWarning, match=r"step 3 is skipped|1 steps were skipped"):
        trainer.fit(task, datamodule=data)
    assert trainer.non_finite.num_skipped == 1
    assert all(torch.equal(kept[3][name], kept[4][name]) for name in kept[3])
    assert not all(torch.equal(kept[4][name], kept[5][name]) for name in kept[4])
    assert all(value.isfinite().all() for value in kept[-1].values())
    assert trainer.callback_metrics["train/loss"].isfinite()
    assert trainer.callback_metrics["val/loss"].isfinite()


def test_skipping_without_end_is_no_training(tmp_path: Path) -> None:
    options = ("trainer.on_nonfinite=skip", "+trainer.limit_train_batches=null", "data.batch_size=8")
    trainer, task, data = parts(tmp_path, *(option.replace("+", "") for option in options))
    _layer(task)[1].register_forward_hook(lambda _, __, output: output * float("nan"))
    with pytest.warns(UserWarning, match="is skipped"), pytest.raises(NonFiniteError, match="100 steps in a row"):
        trainer.fit(task, datamodule=data)


def test_a_scaler_may_meet_infinite_gradients(tmp_path: Path) -> None:
    """float16's: it skips the step and scales less, until what is infinite is not of its making."""

    class Plugin:
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)

    class Scaled:
        precision_plugin, global_step, world_size = Plugin(), 0, 1
        default_root_dir, current_epoch, optimizers = str(tmp_path), 0, ()

        class strategy:  # noqa: N801
            @staticmethod
            def barrier() -> None: ...

    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, float("inf")])
    task: Any = nn.ParameterDict({"weight": parameter})
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    Plugin.scaler.scale(torch.tensor(1.0))  # makes the scale
    NonFinite("stop").on_before_optimizer_step(Scaled(), task, optimizer)  # type: ignore[arg-type]
    Plugin.scaler.update(0.5)
    with pytest.raises(NonFiniteError, match="the gradient of weight"):
        NonFinite("stop").on_before_optimizer_step(Scaled(), task, optimizer)  # type: ignore[arg-type]


def test_what_a_gpu_tells_late_is_told_before_anything_is_saved(tmp_path: Path) -> None:
    trainer, task, data = parts(tmp_path, "trainer.max_epochs=1")
    callback = trainer.non_finite
    trainer.fit(task, datamodule=data)
    parameter = next(iter(task.model.parameters()))
    norms = torch.tensor([float("inf")])
    callback._unread = _Step(5, [], 0.1, [parameter], norms, HostCopy(norms.sum()))
    with pytest.raises(NonFiniteError, match="at step 5"):
        trainer.save_checkpoint(tmp_path / "poisoned.ckpt")
    assert not (tmp_path / "poisoned.ckpt").exists()


def test_the_parameter_nearest_to_the_loss_is_named() -> None:
    network: Any = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    norms = torch.tensor([float("nan"), float("nan"), float("inf"), 1.0, 1.0, 1.0])
    assert origin_of_gradient(network, list(network.parameters()), norms) == "1.weight"


def test_many_indices_are_shortened() -> None:
    assert shortened([3, 1]) == "3, 1"
    assert shortened(list(range(64))) == "0, 1, 2, 3, 4, 5, 6, 7, … (64 in all)"


def test_a_command_whose_loss_explodes(command: Command, tmp_path: Path) -> None:
    result = command("optimizer=sgd", "optimizer.lr=1e25", "run_dir=exploded", "scheduler=cosine")
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: at step ")
    summary = json.loads((tmp_path / "exploded" / "summary.json").read_text())
    assert (summary["status"], summary["exit_code"]) == ("failed", 1)
    assert line == f"error: {summary['error']}"
    assert "Traceback" in (tmp_path / "exploded" / "run.log").read_text()
