"""Stops the run, or skips the step, when a loss or a gradient is infinite or not a number."""

import json
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.callbacks.host_copy import HostCopy
from iolaus.callbacks.origin import origin_of_gradient, origin_of_loss, shortened
from iolaus.process.failure import RunError
from iolaus.tasks.task import Task

# So many steps skipped one after the other lead nowhere: the weights themselves are spoilt.
_MAX_SKIPPED_IN_A_ROW = 100


class NonFiniteError(RunError):
    """A loss or a gradient is infinite or not a number."""


class _Step(NamedTuple):
    """An optimizer step, as far as it is needed to tell where it went wrong."""

    number: int
    batches: list[Batch]
    learning_rate: float
    parameters: list[nn.Parameter]
    norms: Tensor  # of the parameters' gradients, (P,)
    total: HostCopy


class NonFinite(Callback):
    """Looks at every loss and every gradient, and never lets a GPU wait.

    A loss is looked at when its backward pass has been queued behind it, so that the device has work while its value
    travels. Of gradients a GPU tells one step late: the run has made a step with them by then, but saved nothing, and
    the error names the step they come from. With "skip" there can be no such delay: each step waits for its gradients.

    action: "stop" ends the run with a `NonFiniteError`; "skip" leaves the weights as they are and goes on.
    """

    def __init__(self, action: Literal["stop", "skip"]) -> None:
        self.num_skipped = 0
        self.skips = action == "skip"
        self._num_in_a_row = 0
        self._batches: list[Batch] = []  # of the step under way: several, where it accumulates
        self._is_step_complete = False
        self._buffers: list[Tensor] = []  # before that step
        self._loss: HostCopy | None = None
        self._is_loss_bad = False
        self._unread: _Step | None = None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        if self._is_step_complete:
            self._batches, self._is_step_complete = [], False
        if self.skips and not self._batches:
            self._buffers = [buffer.clone() for buffer in pl_module.buffers()]
        self._batches.append(batch)

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor) -> None:
        self._loss = HostCopy(loss)

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert self._loss is not None
        loss = self._loss.read()
        if loss.isfinite().all():
            return
        if not self.skips:
            origin = origin_of_loss(trainer, pl_module, self._batches[-1])
            raise _error(trainer, f"the loss is {loss.item()}", origin, self._batches[-1:])
        self._is_loss_bad = True
        if isinstance(pl_module, Task):
            pl_module.meters["train"].undo()

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        self._is_step_complete = True
        step = _gradients(trainer, optimizer, self._batches)
        if step is None or (_is_left_to_scaler(trainer) and not self._is_loss_bad):
            return
        if self.skips:
            self._skip_if_bad(trainer, pl_module, step)
        elif step.norms.is_cuda:
            step, self._unread = self._unread, step
            _stop_if_bad(trainer, pl_module, step)
        else:
            _stop_if_bad(trainer, pl_module, step)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """What is saved is whole."""
        _stop_if_bad(trainer, pl_module, self._unread)
        self._unread = None

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        _stop_if_bad(trainer, pl_module, self._unread)
        if self.num_skipped:
            warnings.warn(
                f"{self.num_skipped} steps were skipped: their loss or gradients were not finite.", stacklevel=2
            )

    def _skip_if_bad(self, trainer: L.Trainer, task: L.LightningModule, step: _Step) -> None:
        is_bad, self._is_loss_bad = self._is_loss_bad or not bool(step.total.read().isfinite()), False
        if trainer.world_size > 1:  # shards of a gradient may differ in it
            flag = torch.tensor(float(is_bad), device=trainer.strategy.root_device)
            is_bad = bool(trainer.strategy.reduce(flag, reduce_op="max"))
        if not is_bad:
            self._num_in_a_row = 0
            return
        self.num_skipped += 1
        self._num_in_a_row += 1
        if self._num_in_a_row == _MAX_SKIPPED_IN_A_ROW:
            raise _error(trainer, f"{_MAX_SKIPPED_IN_A_ROW} steps in a row had to be skipped", None, step.batches)
        if self.num_skipped == 1:
            samples = shortened([index for batch in step.batches for index in batch.index.tolist()])
            warnings.warn(
                f"step {step.number} is skipped: its loss or gradients are not finite (samples {samples}).",
                stacklevel=2,
            )
        for parameter in step.parameters:
            parameter.grad = None  # an optimizer passes by what has no gradient
        for buffer, before in zip(task.buffers(), self._buffers, strict=True):
            buffer.copy_(before)

    def state_dict(self) -> dict[str, Any]:
        return {"num_skipped": self.num_skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.num_skipped = state_dict["num_skipped"]


def _gradients(trainer: L.Trainer, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> _Step | None:
    parameters = [
        parameter for group in optimizer.param_groups for parameter in group["params"] if parameter.grad is not None
    ]
    if not parameters:
        return None
    norms = torch.stack(torch._foreach_norm([parameter.grad for parameter in parameters]))
    learning_rate = optimizer.param_groups[0]["lr"]
    return _Step(trainer.global_step, batches, float(learning_rate), parameters, norms, HostCopy(norms.sum()))


def _is_left_to_scaler(trainer: L.Trainer) -> bool:
    """float16's scaler meets infinite gradients by skipping the step and scaling less: no cure at 1 or below."""
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    return scaler is not None and scaler.get_scale() > 1


def _stop_if_bad(trainer: L.Trainer, task: L.LightningModule, step: _Step | None) -> None:
    if step is None or step.total.read().isfinite():
        return
    trainer.strategy.barrier()  # a process whose own loss was not finite has more to say, and does not come here
    origin = f"the gradient of {origin_of_gradient(task, step.parameters, step.norms)}"
    raise _error(trainer, "a gradient is not finite", origin, step.batches, step)


def _error(
    trainer: L.Trainer, what: str, origin: str | None, batches: list[Batch], step: _Step | None = None
) -> NonFiniteError:
    """The error, in a sentence; the same in full goes to nonfinite.json in the run's folder."""
    number = step.number if step else trainer.global_step
    learning_rate = step.learning_rate if step else float(trainer.optimizers[0].param_groups[0]["lr"])
    indices = [index for batch in batches for index in batch.index.tolist()]
    report = {
        "what": what,
        "origin": origin,
        "step": number,
        "epoch": trainer.current_epoch,
        "learning_rate": learning_rate,
        "samples": indices,
    }
    (Path(trainer.default_root_dir) / "nonfinite.json").write_text(json.dumps(report) + "\n")
    where = f"it began in {origin}" if origin else "it did not come back when the step was done again"
    return NonFiniteError(
        f"at step {number} {what}: {where}; training samples {shortened(indices)}, learning rate {learning_rate:g} "
        "(all in nonfinite.json). Try a smaller optimizer.lr, trainer.gradient_clip_val=1 or trainer.on_nonfinite=skip."
    )
