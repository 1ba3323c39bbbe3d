"""Whether two runs ended the same: the same files, every tensor, every plain value and every row, to the last bit."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_CHECKPOINTS = ("checkpoints/last.ckpt", "checkpoints/best.ckpt")
# When, how fast, from where: not what a run has come to.
_ASIDE = {"started", "fit_seconds", "samples_per_second", "peak_memory_mb", "command", "git_commit", "git_dirty"}


def differences(one: Path, other: Path) -> list[str]:
    """Where two run folders differ, times and the like aside; empty if they are equal."""
    found = [f"{name}: only in one" for name in sorted(_files(one) ^ _files(other))]
    snapshots = sorted(str(path.relative_to(one)) for path in one.glob("snapshots/*.ckpt"))
    for name in [*_CHECKPOINTS, *snapshots]:
        paths = [run / name for run in (one, other)]
        if all(path.exists() for path in paths):  # there is no best one where nothing is validated
            found += [f"{name}: {place}" for place in unequal(*map(load, paths))]
    for snapshots in zip(*(sorted(run.glob("snapshots/*.ckpt")) for run in (one, other)), strict=False):
        found += [f"{snapshots[0].name}: {place}" for place in unequal(*map(load, snapshots))]
    if (one / "metrics.csv").read_bytes() != (other / "metrics.csv").read_bytes():
        found.append("metrics.csv")
    summaries = [json.loads((run / "summary.json").read_text()) for run in (one, other)]
    kept = [{name: value for name, value in summary.items() if name not in _ASIDE} for summary in summaries]
    return found + [f"summary.json: {place}" for place in unequal(*kept)]


def _files(run: Path) -> set[str]:
    return {str(path.relative_to(run)) for path in run.rglob("*")}


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def unequal(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two values differ that are made of tensors and plain values."""
    if type(one) is not type(other):
        return [place]
    if isinstance(one, Tensor):
        same = one.dtype == other.dtype and one.stride() == other.stride() and torch.equal(one, other)
        return [] if same else [place]
    if isinstance(one, dict):
        if list(one) != list(other):
            return [place]
        return [found for key in one for found in unequal(one[key], other[key], f"{place}.{key}".lstrip("."))]
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return [place]
        pairs = zip(one, other, strict=True)
        return [found for number, pair in enumerate(pairs) for found in unequal(*pair, f"{place}[{number}]")]
    return [] if one == other or (one != one and other != other) else [place]
