"""Whether a run may go on with this config: what it has done so far must be what it would have done."""

import hashlib
import json
import warnings
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from iolaus.config import build
from iolaus.config.compose import Composed
from iolaus.config.weights import misfit
from iolaus.folder.run_folder import RunFolder, read_checkpoint
from iolaus.schedulers import Horizon
from iolaus.spec import from_plain

# What decides the weights reached so far. (Of the trainer: `max_epochs` may grow, its device may be another.)
_FIXED = (
    *("model", "data", "task", "loss", "optimizer", "scheduler", "finetune", "seed"),
    *("callbacks.ema", "callbacks.swa", "callbacks.l1"),
    *("trainer.accumulate_grad_batches", "trainer.gradient_clip_val", "trainer.precision"),
)
_FREE = {"data.root"}  # the content counts, which the data module compares
# Of what the state of an optimizer and its schedule is.
_RECIPE = ("optimizer", "scheduler", "finetune")


def conflicts(run: RunFolder, composed: Composed) -> list[str]:
    """One sentence for each reason why the run cannot go on so. Differences that are forced are warned of instead."""
    config = composed.config
    name = config.resume.run
    if run.is_finished and run.is_debug and not run.checkpoints.last.exists():
        return [f"resume={name}: a debug run keeps no weights to go on from: start a new run without trainer=debug."]
    found = differences(run, config, composed.choices)
    problems = [
        f"resume={name}: the run began with {path}={was}, so it cannot go on with {path}={now}; "
        "type resume.force=true if it should nevertheless."
        for path, was, now in found
    ]
    was, now = run.config.trainer.max_epochs, config.trainer.max_epochs
    if was != now and not problems and _depends_on_length(config):
        problems.append(
            f"trainer.max_epochs={now}: the run's schedule was laid out for {was} epochs; "
            f"start a new run from its weights with init_from={name}."
        )
    if config.resume.force:
        problems = _unfit(run, config) if found else []
    if was == now and run.is_finished:
        problems.append(f"resume={name}: all {was} epochs are done; type trainer.max_epochs={2 * was}, say, to go on.")
    return problems


def differences(run: RunFolder, config: DictConfig, choices: dict[str, str]) -> list[tuple[str, Any, Any]]:
    """Where the config differs from the run's in what decides the weights reached so far: path, then and now.

    Of another choice, that is all there is to say: its options are others anyway.
    """
    all_found: list[tuple[str, Any, Any]] = []
    for part in _FIXED:
        if _is_off(run.config, part) and _is_off(config, part):
            continue
        found = [
            difference
            for difference in _differences(part, _plain(run.config, part), _plain(config, part))
            if difference[0] not in _FREE
        ]
        was, now = run.summary.get(part), choices.get(part)
        all_found += [(part, was, now)] if found and was and now and was != now else found
    return all_found


def forced(run: RunFolder, config: DictConfig, choices: dict[str, str]) -> list[str]:
    """What resume.force=true lets differ, each in a few words."""
    found = differences(run, config, choices)
    was, now = run.config.trainer.max_epochs, config.trainer.max_epochs
    if was != now and _depends_on_length(config):
        found.append(("trainer.max_epochs", was, now))
    return [f"{path}: {was} → {now}" for path, was, now in found]


def recipe(config: DictConfig) -> str:
    """Tells optimizers and schedules apart, by all that they are made of."""
    parts = {part: _plain(config, part) for part in _RECIPE}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def unfit(name: str, reason: str) -> str:
    """What to say where the checkpoint's weights do not fit the model that the run is to go on with."""
    return (
        f"resume={name}: its weights do not fit this model ({reason}): a run goes on with its own; for a new one from "
        f"these weights, as far as they fit, type init_from={name} instead."
    )


def _unfit(run: RunFolder, config: DictConfig) -> list[str]:
    """As far as it can be told before the data are read: of others nothing is known yet."""
    try:
        newest = run.checkpoints.newest()
        checkpoint = read_checkpoint(newest) if newest else {}
        spec = checkpoint.get(config.data["_target_"].rpartition(".")[2])
        if spec is None:
            return []
        reason = misfit(config, from_plain(spec["input"]), from_plain(spec["target"]), checkpoint["state_dict"])
    except (ValueError, KeyError, TypeError) as error:
        return [f"resume={config.resume.run}: {error}"]
    return [unfit(config.resume.run, reason)] if reason else []


def _is_off(config: DictConfig, part: str) -> bool:
    """Whether it is a callback that is off, or that runs of old did not know."""
    node = OmegaConf.select(config, part)
    return part.startswith("callbacks.") and (node is None or not build.is_on(node))


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
