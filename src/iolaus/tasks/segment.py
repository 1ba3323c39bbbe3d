"""Segmentation: a class for every pixel."""

import csv
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix

from iolaus.batch import Batch
from iolaus.spec import Mask
from iolaus.tasks.task import Objective, Task

_NUM_DRAWN = 6


class Segment(Task):
    """Predicts the class of every pixel.

    `iou` is the mean over the classes of intersection over union, over all pixels of the split together; classes that
    are neither there nor predicted are left out.
    """

    wants: ClassVar[tuple[type, ...]] = (Mask,)
    objective: ClassVar[Objective] = ("val/iou", "max")

    _examples: tuple[Tensor, Tensor, Tensor] | None = None

    def __init__(self, model: nn.Module, target: Mask, *parts: Any) -> None:
        super().__init__(model, target, *parts)
        self.names = target.names
        stages = ("val", "test")
        self.confusion = nn.ModuleDict({stage: MulticlassConfusionMatrix(len(self.names)) for stage in stages})

    @staticmethod
    def suits(loss: nn.Module) -> bool:
        num_classes = max((weights.numel() for weights in loss.buffers()), default=3)  # class weights fix their number
        # Pictures of one pixel, one more than there are classes, or shapes that do not fit would.
        target = (torch.arange(num_classes + 1) % num_classes).view(-1, 1, 1)  # (B, H, W)
        right = 9.0 * F.one_hot(target, num_classes).movedim(-1, 1).float()
        try:
            return bool(loss(right, target) < loss(-right, target))
        except (RuntimeError, ValueError, IndexError):
            return False

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"accuracy": (output.argmax(dim=1) == target).float().mean()}

    def predict(self, output: Tensor) -> Tensor:
        """(B, classes, H, W) → (B, H, W)."""
        return output.argmax(dim=1)

    def on_validation_epoch_start(self) -> None:
        self._matrix("val").reset()

    def on_test_epoch_start(self) -> None:
        self._matrix("test").reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._count(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        said = self._count(batch, "test")
        assert batch.target is not None
        if self._examples is None:
            few = slice(_NUM_DRAWN)
            self._examples = batch.input[few].cpu(), batch.target[few].cpu(), said[few].cpu()

    def _count(self, batch: Batch, stage: str) -> Tensor:
        _, output = self.step(batch, stage)
        assert batch.target is not None
        said = self.predict(output)
        self._matrix(stage).update(said, batch.target)
        return said

    def means(self, stage: str) -> dict[str, float]:
        found = super().means(stage)
        if stage == "train":
            return found
        self.overlaps = intersection_over_union(self._matrix(stage).compute())  # by all processes together
        return found | {"iou": self.overlaps.nanmean().item()}

    def write_report(self, folder: Path) -> None:
        with (folder / "iou.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("class", "iou"), *zip(self.names, self.overlaps.tolist(), strict=True)])
        if self._examples is not None:
            _draw(*self._examples, self.names, folder / "segments.png")

    def _matrix(self, stage: str) -> MulticlassConfusionMatrix:
        matrix = self.confusion[stage]
        assert isinstance(matrix, MulticlassConfusionMatrix)
        return matrix


def intersection_over_union(counts: Tensor) -> Tensor:
    """Of each class, from how often which was said of which, (classes, classes); NaN for those that never occur."""
    both = counts.diagonal().double()
    return both / (counts.sum(dim=0) + counts.sum(dim=1) - both)


def _draw(pictures: Tensor, masks: Tensor, said: Tensor, names: tuple[str, ...], path: Path) -> None:
    from matplotlib.figure import Figure  # 0.3 s that only a finished test pays

    figure = Figure(figsize=(1.5 * len(pictures) + 1.5, 4.8), layout="constrained")
    axes = figure.subplots(3, len(pictures), squeeze=False)
    top = max(20, len(names)) - 0.5  # every class in the middle of its colour
    options: dict[str, Any] = {"cmap": "tab20", "vmin": -0.5, "vmax": top, "interpolation": "nearest"}
    for column, (picture, mask, prediction) in enumerate(zip(pictures, masks, said, strict=True)):
        axes[0, column].imshow(picture.mean(dim=0).numpy(), cmap="gray")
        axes[1, column].imshow(mask.numpy(), **options)
        colours = axes[2, column].imshow(prediction.numpy(), **options)
    for row, title in zip(axes, ("picture", "truth", "prediction"), strict=True):
        row[0].set_ylabel(title)
        for each in row:
            each.set_xticks([])
            each.set_yticks([])
    bar = figure.colorbar(colours, ax=axes, ticks=range(len(names)), shrink=0.8)
    bar.set_ticklabels(names)
    bar.ax.set_ylim(-0.5, len(names) - 0.5)
    figure.savefig(path, dpi=120)
