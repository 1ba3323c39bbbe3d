"""What a sweep leaves beside its runs: sweep.yaml, what was asked for, and trials.json, what has come of it."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

import yaml
from optuna.trial import FrozenTrial, TrialState

from iolaus.folder.plain_yaml import read_yaml
from iolaus.sweep.objective import Goal
from iolaus.sweep.space import Space

STATES = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_NOTHING_YET: dict[str, Any] = {
    "value": None,
    "values": [],
    "deviation": None,
    "seconds": 0.0,
    "steps": 0,
    "reason": None,
    "runs": [],
}


def record(trial: FrozenTrial, space: Space, goals: list[Goal], fixed: list[str], script: str) -> dict[str, Any]:
    """One trial, in plain values."""
    result = trial.user_attrs.get("result", {})
    if not result and trial.intermediate_values:
        result = {"value": goals[0].best(trial.intermediate_values.values())}
    is_known = all(dimension.name in trial.params for dimension in space.dimensions)
    overrides = [*fixed, *space.overrides(trial.params)] if is_known else fixed
    return {
        "number": trial.number,
        "state": STATES[trial.state],
        **_NOTHING_YET,
        **result,
        "params": {dim.name: trial.params[dim.name] for dim in space.dimensions if dim.name in trial.params},
        "overrides": overrides,
        "command": shlex.join(["python", script, *overrides]),
    }


def write_trials(folder: Path, records: list[dict[str, Any]]) -> None:
    _replace(folder / "trials.json", json.dumps(records, indent=1, allow_nan=False) + "\n")


def read_trials(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "trials.json").read_text())


def write_sweep(folder: Path, **values: Any) -> None:
    _replace(folder / "sweep.yaml", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def read_sweep(folder: str | Path) -> dict[str, Any]:
    """Raises ValueError if this is no sweep's folder."""
    path = Path(folder) / "sweep.yaml"
    if not path.is_file():
        raise ValueError(f"{folder} is not a sweep's folder: it has no sweep.yaml.")
    about = read_yaml(path)
    if not isinstance(about, dict) or not isinstance(about.get("overrides"), list):
        raise ValueError(f"{path} is damaged: it does not say what the sweep was started with.")
    return about


def _replace(path: Path, text: str) -> None:
    """Writes the file whole, or not at all."""
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.write_text(text)
    os.replace(partial, path)
