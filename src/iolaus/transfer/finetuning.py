"""Fine-tuning: which parts of a model that starts from learned weights go on learning, when, and how fast.

All of it goes by the stages that a model names, from the input on, its head last.
"""

import warnings
from collections.abc import Callable
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from iolaus.layers.lora import add_lora
from iolaus.ranges import Count, Positive, Rate

Groups = list[dict[str, Any]]
Optimizer = Callable[[Groups], torch.optim.Optimizer]


class Full(Callback):
    """Everything learns, at the optimizer's rate. What the other ways to fine-tune change is what they override."""

    def adapt(self, model: nn.Module) -> None:
        """Changes the model once it has the weights that it starts from, and again whenever it is rebuilt.

        Raises:
            ValueError: if the model has nothing to change.
        """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Lightning leaves out the start of an epoch that a run goes on in."""
        self.on_train_epoch_start(trainer, pl_module)

    def rates(self, model: nn.Module) -> list[float]:
        """Of each stage, as a multiple of the optimizer's."""
        return [1.0] * len(stages(model))

    def rated(self, optimizer: Optimizer, model: nn.Module) -> Optimizer:
        """The optimizer with the rates of the stages: its groups are split by them."""
        rates = self.rates(model)
        if all(rate == 1.0 for rate in rates):
            return optimizer
        rate_of = {p: rate for stage, rate in zip(stages(model), rates, strict=True) for p in stage.parameters()}
        return lambda groups: _with_rates(optimizer, groups, rate_of)


class Head(Full):
    """The head alone learns, from features that stay as they were."""

    def adapt(self, model: nn.Module) -> None:
        *body, head = stages(model)
        if not _has_weights(head):
            raise ValueError("finetune=head: this model's head has no weights of its own: type finetune=full.")
        for stage in body:
            stage.requires_grad_(False)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Features are those of evaluation: no dropout, within stages or between, and norms keep their statistics."""
        model: nn.Module = pl_module.model  # type: ignore[assignment]
        model.eval()
        stages(model)[-1].train()


class Gradual(Full):
    """The head learns first, and every `every` epochs one more stage before it (Howard & Ruder 2018, arXiv:1801.06146).

    Stages without weights count as part of the one after them. Those that wait have gradients, which are thrown away:
    DDP counts on everything that was to learn when it began, and an optimizer passes by what has no gradient.
    """

    def __init__(self, *, every: Count = 1) -> None:
        self.every = every

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        num_stages, num_epochs = len(_with_weights(pl_module.model)), trainer.max_epochs  # type: ignore[arg-type]
        if num_epochs and 0 < num_epochs <= (num_stages - 1) * self.every:
            warnings.warn(
                f"finetune.every={self.every} lets {self._num_learning(num_epochs - 1)} of {num_stages} stages learn "
                f"in {num_epochs} epochs; all do from trainer.max_epochs={(num_stages - 1) * self.every + 1} on.",
                stacklevel=2,
            )

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Before anything looks at gradients, adds to them, or takes their norm."""
        waiting = _with_weights(pl_module.model)[: -self._num_learning(trainer.current_epoch)]  # type: ignore[arg-type]
        for stage in waiting:
            stage.zero_grad(set_to_none=True)

    def _num_learning(self, epoch: int) -> int:
        return 1 + epoch // self.every


class Discriminative(Full):
    """Every stage learns `factor` times as fast as the one after it (Howard & Ruder 2018, arXiv:1801.06146).

    Stages without weights do not count: the last one that learns does so at the optimizer's rate.
    """

    def __init__(self, *, factor: Positive = 0.5) -> None:
        self.factor = factor

    def rates(self, model: nn.Module) -> list[float]:
        counts = [_has_weights(stage) for stage in stages(model)]
        return [self.factor ** sum(counts[number + 1 :]) for number in range(len(counts))]


class LoRA(Full):
    """The head learns, and a change of low rank to every linear layer before it (Hu et al. 2022, arXiv:2106.09685).

    rank: of the changes. alpha: they are multiplied with alpha / rank. dropout: on what they read.
    """

    def __init__(self, *, rank: Count = 8, alpha: Positive = 16.0, dropout: Rate = 0.0) -> None:
        self.rank, self.alpha, self.dropout = rank, alpha, dropout

    def adapt(self, model: nn.Module) -> None:
        *body, head = stages(model)
        for stage in body:
            stage.requires_grad_(False)
        if not add_lora(model, skip=head, rank=self.rank, alpha=self.alpha, dropout=self.dropout):
            raise ValueError("finetune=lora changes linear layers, and this model has none before its head.")


def stages(model: nn.Module) -> list[nn.Module]:
    found: list[nn.Module] = model.stages()  # type: ignore[operator]
    return found


def _with_weights(model: nn.Module) -> list[nn.Module]:
    return [stage for stage in stages(model) if _has_weights(stage)]


def _has_weights(stage: nn.Module) -> bool:
    return any(True for _ in stage.parameters())


def _with_rates(optimizer: Optimizer, groups: Groups, rate_of: dict[nn.Parameter, float]) -> torch.optim.Optimizer:
    split, rates = [], []
    for group in groups:
        for rate in sorted({rate_of.get(parameter, 1.0) for parameter in group["params"]}):
            members = [parameter for parameter in group["params"] if rate_of.get(parameter, 1.0) == rate]
            split.append({**group, "params": members})
            rates.append(rate)
    built = optimizer(split)
    for group, rate in zip(built.param_groups, rates, strict=True):
        group["lr"] *= rate
    return built
