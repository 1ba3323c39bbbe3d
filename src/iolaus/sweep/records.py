"""What has come of a sweep's trials, in plain values: trials.json."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

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
    """Whole or not at all; several machines may do so at once."""
    partial = folder / f"trials.json.partial-{os.getpid()}"
    partial.write_text(json.dumps(records, indent=1, allow_nan=False) + "\n")
    os.replace(partial, folder / "trials.json")


def read_trials(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "trials.json").read_text())
