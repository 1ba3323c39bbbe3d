"""Classification: one class per sample."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from iolaus.batch import Batch
from iolaus.schedulers import Horizon, Schedule
from iolaus.spec import Classes, Domains, Input, Target
from iolaus.tasks.confusion import write_confusion
from iolaus.tasks.task import Objective, Task


class Classify(Task):
    """Predicts one of the target's classes.

    Precision, recall and F1 are macro averages: every class counts the same, however rare.

    mirror: outside training, answer with the mean of the outputs for a picture and for its mirror image, as Krizhevsky
        et al. 2012 do. Twice the work; not for pictures that mean something else in a mirror, as digits do.
    """

    wants: ClassVar[tuple[type, ...]] = (Classes, Domains)  # of which it learns from the labelled one alone
    objective: ClassVar[Objective] = ("val/accuracy", "max")
    of_tests: ClassVar[tuple[str, ...]] = ("mirror",)

    def __init__(
        self,
        model: nn.Module,
        target: Classes,
        loss: nn.Module,
        optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer],
        scheduler: Callable[[torch.optim.Optimizer, Horizon], Schedule],
        mirror: bool = False,
    ) -> None:
        super().__init__(model, target, loss, optimizer, scheduler)
        self.mirror = mirror
        self.names = target.names
        num_classes = len(target.names)
        self.averages = MetricCollection(
            {
                "test/precision": MulticlassPrecision(num_classes),
                "test/recall": MulticlassRecall(num_classes),
                "test/f1": MulticlassF1Score(num_classes),
            }
        )
        self.confusion = MulticlassConfusionMatrix(num_classes)

    @classmethod
    def targets(cls, input: Input, target: Target, **options: Any) -> tuple[Input, Target]:  # noqa: ARG003
        return input, Classes(target.names) if isinstance(target, Domains) else target

    @staticmethod
    def suits(loss: nn.Module) -> bool:
        num_classes = max((weights.numel() for weights in loss.buffers()), default=3)  # class weights fix their number
        target = torch.arange(num_classes + 1) % num_classes  # one sample more, or shapes that do not fit would
        right = 9.0 * F.one_hot(target).float()
        try:
            return bool(loss(right, target) < loss(-right, target))
        except (RuntimeError, ValueError, IndexError):
            return False

    def forward(self, x: Tensor) -> Tensor:
        output = self.model(x)
        if self.training or not self.mirror:
            return output
        if x.dim() != 4:
            warnings.warn("task.mirror=true has no effect: only pictures have a mirror image.", stacklevel=2)
            return output
        return (output + self.model(x.flip(dims=(-1,)))) / 2

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        if target.is_floating_point():  # probabilities, from mixed pictures
            target = target.argmax(dim=-1)
        return {"accuracy": (output.argmax(dim=-1) == target).float().mean()}

    def predict(self, output: Tensor) -> Tensor:
        return output.softmax(dim=-1)

    def on_test_epoch_start(self) -> None:
        self.averages.reset()
        self.confusion.reset()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        _, output = self.step(batch, "test")
        assert batch.target is not None
        self.averages.update(output, batch.target)
        self.confusion.update(output, batch.target)

    def on_test_epoch_end(self) -> None:
        super().on_test_epoch_end()
        self.log_dict(self.averages.compute())
        self.counts = self.confusion.compute()  # by all processes together, so not where only the first one writes

    def write_report(self, folder: Path) -> None:
        write_confusion(self.counts.cpu(), self.names, folder)
