"""Muon for the matrices of hidden layers and AdamW for all other parameters, as one optimizer.

Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; Liu et al. 2025, https://arxiv.org/abs/2502.16982, whose
scale of the updates makes learning rate and weight decay mean the same for both.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch.optim import AdamW, Optimizer

from iolaus.optimizers.groups import MATRICES
from iolaus.ranges import Count, NonNegative, Positive, Rate


class Muon(Optimizer):
    """torch's Muon and AdamW, each over its share of the parameter groups and of the state.

    To a scheduler, a checkpoint or Lightning it is one optimizer, because the dicts of the groups and of the state are
    the very ones that Muon and AdamW work on.

    groups: from `parameter_groups`; Muon takes the one called "matrices". A group's own values win over the options.
    adamw_lr: learning rate of the parameters that AdamW trains; None for the same as `lr`.
    num_iterations: of Newton and Schulz, which make an update nearly orthogonal.
    scale: of an update of shape (rows, columns). "rms" makes its elements as large as AdamW's are; "spectral" is
        Jordan's, sqrt(max(1, rows / columns)): `lr` is then near 0.02, and `adamw_lr` needs its own value.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        lr: Positive = 1e-3,
        weight_decay: NonNegative = 0.1,
        momentum: Rate = 0.95,
        nesterov: bool = True,
        num_iterations: Count = 5,
        scale: Literal["rms", "spectral"] = "rms",
        adamw_lr: Positive | None = None,
        betas: tuple[Rate, Rate] = (0.9, 0.95),
        eps: Positive = 1e-8,
    ) -> None:
        self._muon_options = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_steps": num_iterations,
            "adjust_lr_fn": {"rms": "match_rms_adamw", "spectral": "original"}[scale],
        }
        self._adamw_options = {
            "lr": lr if adamw_lr is None else adamw_lr,
            "weight_decay": weight_decay,
            "betas": tuple(betas),
            "eps": eps,
        }
        super().__init__(groups, {})
        if not any(map(_is_for_muon, self.param_groups)):
            warnings.warn(
                "optimizer=muon: the model has no matrices in hidden layers, so AdamW trains all of it.", stacklevel=2
            )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        options = self._muon_options if _is_for_muon(param_group) else self._adamw_options
        super().add_param_group({**options, **param_group})
        self._share()

    def _share(self) -> None:
        """Sets Muon and AdamW to work on this optimizer's own groups and state."""
        ours = [group for group in self.param_groups if _is_for_muon(group)]
        others = [group for group in self.param_groups if not _is_for_muon(group)]
        self._inner = [kind(groups) for kind, groups in ((torch.optim.Muon, ours), (AdamW, others)) if groups]
        for inner in self._inner:
            inner.state = self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for inner in self._inner:
            inner.step()
        return loss

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Loading a checkpoint puts new dicts in the place of the shared ones."""
        super().__setstate__(state)
        self._share()


def _is_for_muon(group: dict[str, Any]) -> bool:
    return group.get("name") == MATRICES
