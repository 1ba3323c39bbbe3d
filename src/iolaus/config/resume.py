"""Whether a run may go on with this config: what it has done so far must be what it would have done."""

import warnings
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from iolaus.config import build
from iolaus.folder.run_folder import RunFolder
from iolaus.schedulers import Horizon

# What decides the weights reached so far. (Of the trainer: `max_epochs` may grow, its device may be another.)
_FIXED = (
    *("model", "data", "task", "loss", "optimizer", "scheduler", "finetune", "seed", "callbacks.ema"),
    *("trainer.accumulate_grad_batches", "trainer.gradient_clip_val", "trainer.precision"),
)
_FREE = {"data.root"}  # the content counts, which the data module compares


def conflicts(run: RunFolder, config: DictConfig) -> list[str]:
    """One sentence for each reason why the run cannot go on so. Differences that are forced are warned of instead."""
    name = config.resume.run
    problems = [
        f"resume={name}: the run began with {path}={was}, so it cannot go on with {path}={now}; "
        "type resume.force=true if it should nevertheless."
        for path, was, now in differences(run, config)
    ]
    was, now = run.config.trainer.max_epochs, config.trainer.max_epochs
    if was != now and not problems and _depends_on_length(config):
        problems.append(
            f"trainer.max_epochs={now}: the run's schedule was laid out for {was} epochs; "
            f"start a new run from its weights with init_from={name}."
        )
    if config.resume.force:
        problems = []
    if was == now and run.summary.get("status") == "finished":
        problems.append(f"resume={name}: all {was} epochs are done; type trainer.max_epochs={2 * was}, say, to go on.")
    return problems


def differences(run: RunFolder, config: DictConfig) -> list[tuple[str, Any, Any]]:
    """Where the config differs from the run's in what decides the weights reached so far: path, then and now."""
    return [
        found
        for part in _FIXED
        for found in _differences(part, _plain(run.config, part), _plain(config, part))
        if found[0] not in _FREE
    ]


def _plain(config: DictConfig, path: str) -> Any:
    value = OmegaConf.select(config, path)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _differences(path: str, was: Any, now: Any) -> list[tuple[str, Any, Any]]:
    """The paths at which two configs differ, and the two values."""
    if isinstance(was, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*was, *now])
        return [found for key in keys for found in _differences(f"{path}.{key}", was.get(key), now.get(key))]
    return [] if was == now else [(path, was, now)]


def _depends_on_length(config: DictConfig) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer = build.factory(config, "optimizer")([{"params": [nn.Parameter(torch.zeros(2, 2))]}])
        return build.factory(config, "scheduler")(
            optimizer, Horizon(steps=100, epochs=10, mode="min")
        ).depends_on_length
