"""Finds where in a step numbers stopped being finite: in the data, in a module, in the loss, or in a gradient."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn

from iolaus.batch import Batch


def origin_of_loss(trainer: L.Trainer, task: L.LightningModule, batch: Batch) -> str | None:
    """The first thing in a step on this batch that is not finite; None if a second try has nothing of the kind.

    The step is done once more, with the draws that it had, and a hook on every module looks at what comes out.
    """
    if not _is_finite(batch.input):
        bad = batch.index[~batch.input.isfinite().flatten(1).all(dim=1)]
        return f"the data: of the samples {shortened(bad.tolist())} not every value is finite"
    if not task.automatic_optimization or batch.seed is None:
        return None
    found: list[str] = []
    names = {module: name for name, module in task.named_modules() if name}

    def look(module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        if not found and not _is_finite(output):
            weights = "" if _is_finite(list(module.parameters())) else ", whose weights are not finite"
            found.append(f"{names[module]} ({type(module).__name__}){weights}")

    hooks = [module.register_forward_hook(look) for module in names]
    try:
        with torch.no_grad(), trainer.precision_plugin.train_step_context():
            task.training_step(_drawn_again(trainer, batch), 0)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def origin_of_gradient(task: L.LightningModule, parameters: list[nn.Parameter], norms: Tensor) -> str:
    """The parameter nearest to the loss whose gradient is not finite: from there it spread towards the input.

    norms: of the parameters' gradients, (P,).
    """
    bad = {id(parameter) for parameter, norm in zip(parameters, norms, strict=True) if not norm.isfinite()}
    return [name for name, parameter in task.named_parameters() if id(parameter) in bad][-1]


def shortened(indices: list[int], num_shown: int = 8) -> str:
    shown = ", ".join(map(str, indices[:num_shown]))
    return shown if len(indices) <= num_shown else f"{shown}, … ({len(indices)} in all)"


def _drawn_again(trainer: L.Trainer, batch: Batch) -> Batch:
    """The same samples, augmented by the same draws, with the generators where they stood when the step began."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    raw = replace(data.train.batch(batch.index.cpu()), seed=batch.seed)
    return data.on_after_batch_transfer(raw.to(batch.input.device), 0)


def _is_finite(value: Any) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in _tensors(value))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
    elif is_dataclass(value):
        yield from _tensors([getattr(value, field.name) for field in fields(value)])
