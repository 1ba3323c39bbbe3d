"""Metric learning: vectors whose nearness says which samples belong together."""

from typing import Any, ClassVar

import torch
import torch.distributed
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.ranges import Count
from iolaus.spec import Classes, Input, Target, Vector
from iolaus.tasks.retrieval import retrieval
from iolaus.tasks.task import Objective, Task

_MAX_SAMPLES = 5000  # every one is compared with every other


class Embed(Task):
    """Learns a vector of length 1 for each sample, near those of its class.

    Validation and test ask for each sample which others are nearest: how often the very nearest is of its class
    (`recall_at_1`), and the mean average precision (`map`). Of more than 5,000 samples, so many are compared, evenly
    spaced.

    dim: of the vectors.
    """

    wants: ClassVar[tuple[type, ...]] = (Classes,)
    objective: ClassVar[Objective] = ("val/map", "max")

    def __init__(self, model: nn.Module, target: Vector, *parts: Any, dim: Count = 64) -> None:
        super().__init__(model, target, *parts)
        assert dim == target.dim

    @classmethod
    def targets(cls, input: Input, target: Target, *, dim: int = 64, **options: Any) -> tuple[Input, Target]:  # noqa: ARG003
        assert isinstance(target, Classes)
        return input, Vector(dim, target.names)

    @staticmethod
    def suits(loss: nn.Module) -> bool:
        """Tried on three directions of a plane: cross entropies find that there are more classes than dimensions."""
        directions = torch.tensor([[1.0, 0.0], [-0.5, 0.866], [-0.5, -0.866]])
        together, apart = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 1, 2, 0, 1, 2])
        try:
            return bool(loss(directions[together], together) < loss(directions[apart], together))
        except (RuntimeError, ValueError, IndexError):
            return False

    def step(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        if batch.target is not None and batch.target.is_floating_point():
            raise ValueError("task=embed wants samples of one class each: type data.mixup=0 data.cutmix=0.")
        return super().step(batch, stage)

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {}

    def on_validation_epoch_start(self) -> None:
        self._seen: list[tuple[Tensor, Tensor]] = []

    def on_test_epoch_start(self) -> None:
        self._seen = []

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._keep(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._keep(batch, "test")

    def _keep(self, batch: Batch, stage: str) -> None:
        _, output = self.step(batch, stage)
        assert batch.target is not None
        self._seen.append((output.detach(), batch.target))

    def means(self, stage: str) -> dict[str, float]:
        found = super().means(stage)
        if stage == "train":
            return found
        vectors, labels = (torch.cat(tensors) for tensors in zip(*self._of_all_processes(), strict=True))
        few = torch.linspace(0, len(labels) - 1, min(len(labels), _MAX_SAMPLES), device=labels.device).long()
        return found | retrieval(vectors[few], labels[few])

    def _of_all_processes(self) -> list[tuple[Tensor, Tensor]]:
        if self.trainer.world_size == 1:
            return self._seen
        everyone: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(everyone, [(one.cpu(), two.cpu()) for one, two in self._seen])
        return [pair for each in everyone for pair in each]
