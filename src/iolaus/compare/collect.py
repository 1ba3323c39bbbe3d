"""Finds out what the user named: a sweep, runs, or a folder with runs in it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from iolaus.compare.runs import read_runs, runs_below
from iolaus.compare.sweeps import is_sweep, read_sweep
from iolaus.compare.trials import Comparison, Objective


def collect(paths: Sequence[Path], objectives: tuple[Objective, ...] = ()) -> Comparison:
    """One sweep as a sweep; everything else as the runs that are there.

    Raises:
        ValueError: in one sentence, for what cannot be compared.
    """
    for path in paths:
        if not path.is_dir():
            raise ValueError(f"{path} is no folder: name a sweep (outputs/sweeps/NAME), runs, or a folder with runs.")
    if len(paths) == 1 and is_sweep(paths[0]) and not objectives:
        return read_sweep(paths[0])
    comparison = read_runs([run for path in paths for run in _runs(path)], objectives)
    if len(paths) == 1:
        title = paths[0].resolve().name
        return replace(comparison, title=title, source=paths[0])
    return comparison


def parse_objective(text: str) -> Objective:
    """`val/accuracy:max`. Raises ValueError for anything else."""
    metric, _, mode = text.rpartition(":")
    if not metric or mode not in ("min", "max"):
        raise ValueError(f"--objective {text}: type METRIC:min or METRIC:max, as in --objective val/accuracy:max.")
    return Objective(metric, "max" if mode == "max" else "min")


def _runs(path: Path) -> list[Path]:
    if (path / "config.yaml").is_file():
        return [path]
    found = runs_below(path)
    if not found:
        raise ValueError(f"{path} holds no run: no folder in it has a config.yaml and a summary.json.")
    return found
