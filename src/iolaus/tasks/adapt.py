"""Domain adaptation: classes learned where they are told, for pictures of another kind, where they are not."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.layers.heads import PooledHead
from iolaus.losses.domains import By, gap
from iolaus.optimizers import parameter_groups
from iolaus.ranges import NonNegative, Whole
from iolaus.schedulers import Horizon, Schedule
from iolaus.spec import Classes, Domains, Image
from iolaus.tasks.classify import Classify
from iolaus.tasks.task import Objective


class Adapt(Classify):
    """Predicts classes, from features that are alike in two domains: labelled samples of the one, samples of the other.

    What the last layer reads is compared. (Deep CORAL compares what it says.) Both domains go through the network as
    one batch, so its batch norms see both. The best epoch is the one with the least loss on held-out samples of the
    labelled domain (their accuracy is soon perfect, and says no more): no class of the other is asked for until the
    test, which is of the other alone.

    by: `dann`: features that a small network cannot tell apart (Ganin et al. 2016, arXiv:1505.07818); `coral`: features
        whose covariances are the same (Sun & Saenko 2016, arXiv:1607.01719).
    weight: of what is compared, beside the loss of the classes.
    ramp: epochs in which the weight rises from 0 to nearly all of it, 2 / (1 + exp(-10 p)) - 1 at the share p of them
        (Ganin et al. 2016, section 5.2.2); 0: at once.
    """

    wants: ClassVar[tuple[type, ...]] = (Domains,)
    reads: ClassVar[tuple[type, ...]] = (Image,)
    objective: ClassVar[Objective] = ("val/loss", "min")

    def __init__(
        self,
        model: nn.Module,
        target: Classes,
        loss: nn.Module,
        optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer],
        scheduler: Callable[[torch.optim.Optimizer, Horizon], Schedule],
        by: By = "dann",
        weight: NonNegative = 1.0,
        ramp: Whole = 10,
        mirror: bool = False,
    ) -> None:
        super().__init__(model, target, loss, optimizer, scheduler, mirror)
        self.weight, self.ramp = weight, ramp
        self.head = _head(model)
        self.gap = gap(by, self.head.project.in_features)
        self._groups = [*self._groups, *parameter_groups(self.gap)]

    @classmethod
    def examine(cls, model: nn.Module) -> None:
        _head(model)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        assert batch.target is not None
        assert batch.unlabelled is not None
        num_labelled = len(batch)
        vectors = self.head.vectors(self.model.features(torch.cat([batch.input, batch.unlabelled])))  # type: ignore[operator]
        output = self.head.project(vectors[:num_labelled]).float()
        apart = self.gap(vectors[:num_labelled].float(), vectors[num_labelled:].float(), self.strength())
        loss = self.loss(output, batch.target)
        measured = self.measure(output.detach(), batch.target)
        self.meters["train"].add(num_labelled, loss=loss, gap=apart, **measured)
        for auxiliary in self.auxiliaries:
            answer = auxiliary.take()
            if answer is not None:
                loss = loss + auxiliary.weight * self.loss(answer[:num_labelled].float(), batch.target)
        return loss + apart

    def strength(self) -> float:
        """What the weight has risen to in this epoch."""
        if not self.ramp:
            return self.weight
        share = min(self.current_epoch / self.ramp, 1.0)
        return self.weight * (2 / (1 + math.exp(-10 * share)) - 1)


def _head(model: nn.Module) -> PooledHead:
    head = getattr(model, "head", None)
    if not isinstance(head, PooledHead):
        raise ValueError(
            "task=adapt compares what a model's last layer reads, which this one does not show: type model=cnn, say."
        )
    return head
