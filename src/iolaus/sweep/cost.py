"""What a sweep would do and cost, without doing it."""

import itertools
import warnings
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from iolaus.config import build
from iolaus.config.compose import compose
from iolaus.sweep.board import parameters
from iolaus.sweep.grid import index_of, is_drawn
from iolaus.sweep.plan import Plan, num_trials

_MOST_LINES = 100


def preview(sweep: Plan) -> list[str]:
    """The lines that `sweep.dry_run=true` prints: each trial with its training steps and the size of its model."""
    count = num_trials(sweep)
    points = _grid(sweep, count) if sweep.is_grid else sweep.space.samples()
    costs = _Costs()
    lines = [f"  {'trial':>5}  {'steps':>8}  {'parameters':>11}  point"]
    total = 0
    for number, params in enumerate(itertools.islice(points, min(count, _MOST_LINES))):
        steps, size = costs.of(compose([*sweep.fixed, *sweep.space.overrides(params)]).config)
        total += steps or 0
        label = str(number) if sweep.is_grid else "e.g."
        shown = parameters({"params": params})
        lines.append(f"  {label:>5}  {_shown(steps):>8}  {_shown(size):>11}  {shown}")
    if sweep.is_grid and count > _MOST_LINES:
        lines.append(f"  … and {count - _MOST_LINES:,} more")
    seeds = sweep.options.seeds
    runs = f"{count:,} trials" + (f" of {seeds} runs each" if seeds > 1 else "")
    end = f", {total * seeds:,} training steps" if sweep.is_grid and count <= _MOST_LINES and total else ""
    pruned = " at most: pruning ends some early" if sweep.pruner is not None else ""
    return [*lines, f"{runs}{end}{pruned}. Nothing was run."]


def _grid(sweep: Plan, count: int) -> Any:
    size, drawn = int(sweep.space.size), is_drawn(sweep.space, count, is_pruned=sweep.pruner is not None)
    return (sweep.space.point(index_of(number, size, is_drawn=drawn)) for number in range(count))


def _shown(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


class _Costs:
    """Reads each data set once."""

    def __init__(self) -> None:
        self._batches: dict[str, int | None] = {}

    def of(self, config: DictConfig) -> tuple[int | None, int | None]:
        """Training steps if nothing stops the run early, and the model's parameters as far as the sizes are known."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._steps(config), _num_parameters(config)

    def _steps(self, config: DictConfig) -> int | None:
        key = OmegaConf.to_yaml(config.data, resolve=True)
        if key not in self._batches:
            self._batches[key] = _num_batches(config)
        batches, limit = self._batches[key], config.trainer.get("limit_train_batches")
        if batches is None or config.trainer.max_epochs is None:
            return None
        if limit is not None:
            batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
        return config.trainer.max_epochs * batches // config.trainer.accumulate_grad_batches


def _num_batches(config: DictConfig) -> int | None:
    """Of an epoch; None where the data are not at hand."""
    data = build.build_data(config)
    try:
        data.prepare_data()
        data.setup()
    except (ValueError, OSError):
        return None
    return len(data.train_dataloader())


def _num_parameters(config: DictConfig) -> int | None:
    try:
        with torch.device("meta"):
            data = build.build_data(config)
            model = build.factory(config, "model")(*build.asked(config, *data.sketch()))
    except (ValueError, RuntimeError):
        return None
    return sum(parameter.numel() for parameter in model.parameters())
