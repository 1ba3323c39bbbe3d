"""What every task of one part shares: the model, its loss, its optimizer and schedule, and means over an epoch."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from iolaus.batch import Batch
from iolaus.chance import seed_all, seeds_of
from iolaus.layers.auxiliary import auxiliaries_of
from iolaus.optimizers import parameter_groups
from iolaus.schedulers import Horizon, Schedule
from iolaus.spec import Input, Target
from iolaus.tasks.meter import Meter

Objective = tuple[str, Literal["min", "max"]]
Decode = Callable[[Tensor], str]  # token ids (L,) → the text that they stand for


class Task(L.LightningModule, ABC):
    """Trains one model towards one objective.

    reads: the kinds of input that it can learn from; none given: all.
    wants: the kinds of target it can learn.
    objective: the validation metric that decides which epoch was best, and whether less or more of it is better.
        Checkpoints, early stopping, plateaus and sweeps all read it here.
    of_tests: options that concern answers alone, and nothing that is learned: a finished run may be tested with others.
    """

    reads: ClassVar[tuple[type, ...]] = ()
    wants: ClassVar[tuple[type, ...]]
    objective: ClassVar[Objective]
    of_tests: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        model: nn.Module,
        target: Target,
        loss: nn.Module,
        optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer],
        scheduler: Callable[[torch.optim.Optimizer, Horizon], Schedule],
    ) -> None:
        super().__init__()
        self.model = model
        self.auxiliaries = auxiliaries_of(model)
        self.target = target
        self.loss = loss
        self.optimizer = optimizer
        self._groups = parameter_groups(model)  # now: FSDP is about to flatten the weights, which go by their shapes
        self.scheduler = scheduler
        self.meters = {"train": Meter(), "val": Meter(), "test": Meter()}
        self.num_planned_steps: int | None = None  # that the schedule is laid out for; None if it is for any number
        self.cycle_ends: tuple[int, ...] = ()  # after which steps the schedule begins again

    @classmethod
    def targets(cls, input: Input, target: Target, **options: Any) -> tuple[Input, Target]:  # noqa: ARG003
        """The pair that the model is built from, where a task asks it for something else than the data give.

        options: the task's own.
        """
        return input, target

    @staticmethod
    @abstractmethod
    def suits(loss: nn.Module) -> bool:
        """Whether this loss means something for the task, tried on outputs that are plainly right or wrong."""

    @classmethod
    def examine(cls, model: nn.Module) -> None:
        """
        Raises:
            ValueError: if the model cannot do what the task asks of it, though it has the right output.
        """

    @abstractmethod
    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Metrics that are means over samples, beside the loss: each the mean over this batch."""

    def predict(self, output: Tensor) -> Tensor:
        """The model's output as its user understands it: probabilities, forecasts."""
        return output

    def answer(self, x: Tensor, decode: Decode) -> dict[str, Any] | None:
        """What to say of one text (1, L), by columns, where that is text again; None: what `predict` makes of it."""
        return None

    def write_report(self, folder: Path) -> None:
        """What a finished test leaves in the folder beside its numbers: pictures, tables."""

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)

    def step(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        """Loss and output of one batch, taken into the means of this stage."""
        assert batch.target is not None
        output = self(batch.input).float()
        loss = self.loss(output, batch.target)
        self.meters[stage].add(len(batch), loss=loss, **self.measure(output.detach(), batch.target))
        return loss, output

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss, _ = self.step(batch, "train")
        for auxiliary in self.auxiliaries:
            answer = auxiliary.take()
            if answer is not None:
                loss = loss + auxiliary.weight * self.loss(answer.float(), batch.target)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.step(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.step(batch, "test")

    # One log call an epoch: a call per step costs more than the step of a small model.
    def on_train_epoch_end(self) -> None:
        self._log_means("train")

    def on_validation_epoch_end(self) -> None:
        self._log_means("val")

    def on_test_epoch_end(self) -> None:
        self._log_means("test")

    # What is drawn in evaluation (a sampled code, say) follows from the epoch too, and not from how the run got there.
    def on_validation_start(self) -> None:
        self._reseed(0)

    def on_test_start(self) -> None:
        self._reseed(1)

    def _reseed(self, stage: int) -> None:
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        if data is not None:
            (seed,) = seeds_of(1, data.seed, self.current_epoch, self.global_rank, stage)
            seed_all(seed % 2**32)  # as NumPy asks

    # An epoch's means go on where a checkpoint was taken within it.
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["means"] = self.meters["train"].state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if "means" in checkpoint:
            self.meters["train"].load_state_dict(checkpoint["means"])

    def on_test_end(self) -> None:
        if self.trainer.is_global_zero:
            self.write_report(Path(self.trainer.default_root_dir))

    def means(self, stage: str) -> dict[str, float]:
        """The metrics of an epoch, from the means over everything in it."""
        return self.meters[stage].take()

    def _log_means(self, stage: str) -> None:
        self.log_dict({f"{stage}/{name}": value for name, value in self.means(stage).items()})

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer([dict(group) for group in self._groups])
        metric, mode = self.objective
        steps = self.trainer.estimated_stepping_batches  # infinite for a run without end
        horizon = Horizon(
            steps=int(steps) if math.isfinite(steps) else -1, epochs=self.trainer.max_epochs or 1, mode=mode
        )
        schedule = self.scheduler(optimizer, horizon)
        self.num_planned_steps = horizon.steps if schedule.depends_on_length else None
        self.cycle_ends = schedule.cycle_ends
        if schedule.scheduler is None:
            return {"optimizer": optimizer}
        of_lightning: dict[str, Any] = {
            "scheduler": schedule.scheduler,
            "interval": schedule.interval,
            "monitor": metric,
        }
        if isinstance(schedule.scheduler, ReduceLROnPlateau):  # has something to look at after a validation only
            of_lightning["frequency"] = self.trainer.check_val_every_n_epoch or 1
        return {"optimizer": optimizer, "lr_scheduler": of_lightning}
