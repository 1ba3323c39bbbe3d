"""Collects what a model says of the test: for all samples its output, for some of them what they look like."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.module import DataModule
from iolaus.spec import Classes, Image, Text


@dataclass(frozen=True)
class Sample:
    """shown: a picture or a text. truth and prediction are indices of classes; shares (classes,) probabilities."""

    shown: Any
    truth: int
    prediction: int
    shares: list[float]


class TestSamples(Callback):
    """Hands itself to `report` after a test in which something was classified; other targets it leaves alone.

    With several processes it sees the samples of the first only.
    """

    __test__ = False  # pytest takes every Test… for tests

    def __init__(self, report: Callable[["TestSamples"], None], num_shown: int) -> None:
        self._report = report
        self._num_shown = num_shown
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._index: list[Tensor] = []
        self._output: Tensor | None = None
        self.names: tuple[str, ...] = ()
        self.shown: list[Sample] = []

    @property
    def probabilities(self) -> Tensor:
        """(samples, classes)"""
        return torch.cat(self._outputs)

    @property
    def targets(self) -> Tensor:
        """(samples,) the class of each."""
        return torch.cat(self._targets)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._outputs, self._targets, self._index = [], [], []
        self._hook = pl_module.model.register_forward_hook(self._keep)  # type: ignore[union-attr]

    def on_test_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if not _is_classified(data, batch, self._output):
            return
        self.names = data.target.names
        self._outputs.append(pl_module.predict(self._output.float()).cpu())  # type: ignore[operator, union-attr]
        self._targets.append(batch.target.cpu())
        self._index.append(batch.index.cpu())

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._hook.remove()
        if not self._outputs or not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        self.shown = self._samples(data)
        self._report(self)

    def _keep(self, module: Any, inputs: Any, output: Any) -> None:
        self._output = output.detach() if isinstance(output, Tensor) else None

    def _samples(self, data: DataModule) -> list[Sample]:
        """Evenly spaced over the test split, in its order."""
        index, shares, targets = torch.cat(self._index), self.probabilities, self.targets
        order = index.argsort()
        places = order[torch.linspace(0, len(order) - 1, min(self._num_shown, len(order))).long()].tolist()
        return [
            Sample(
                show(data.input, data, int(index[place])),
                int(targets[place]),
                int(shares[place].argmax()),
                [round(share, 4) for share in shares[place].tolist()],
            )
            for place in places
        ]


def _is_classified(data: Any, batch: Batch, output: Tensor | None) -> bool:
    """One class per sample, of those that have names."""
    target = getattr(data, "target", None)
    if not isinstance(target, Classes) or output is None or batch.target is None:
        return False
    return batch.target.ndim == 1 and output.shape == (len(batch), len(target.names))


@singledispatch
def show(input: Any, data: Any, place: int) -> Any:  # noqa: ARG001 - those that register read it
    """A sample of the test split as a person sees it: a PIL image or a text; else its number."""
    return place


@show.register
def _(input: Image, data: Any, place: int) -> Any:  # noqa: ARG001
    from PIL import Image as Picture

    pixels = data.test.batch(torch.tensor([place])).input[0].permute(1, 2, 0).numpy()  # (H, W, C), uint8
    return Picture.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)


@show.register
def _(input: Text, data: Any, place: int) -> Any:
    tokens = data.test.batch(torch.tensor([place])).input[0]
    return data.tokenizer.decode([int(token) for token in tokens if int(token) != input.pad])
