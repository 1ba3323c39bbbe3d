"""Reads a sweep from its folder: sweep.yaml says what was asked, trials.json what came of it."""

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from iolaus.compare.curves import mean_curve, read_curves
from iolaus.compare.ranking import ranked
from iolaus.compare.trials import Comparison, Objective, State, Trial
from iolaus.folder.plain_yaml import read_yaml
from iolaus.folder.summary import read_summary

_FACTS = ("command", "started", "sampler", "pruner", "seeds")


def is_sweep(folder: Path) -> bool:
    return (folder / "sweep.yaml").is_file()


def read_sweep(folder: Path) -> Comparison:
    """Raises ValueError if its files are not what a sweep writes."""
    asked = _read_yaml(folder / "sweep.yaml")
    try:
        objectives = _objectives(asked["objective"])
        entries = json.loads((folder / "trials.json").read_text())
        with ThreadPoolExecutor(8) as pool:
            trials = list(pool.map(lambda entry: _trial(entry, folder, objectives), entries))
    except FileNotFoundError as error:
        raise ValueError(f"{folder} is a sweep that has no trials yet: it has no trials.json.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder} cannot be read as a sweep: {type(error).__name__}: {error}") from error
    return Comparison(
        title=folder.resolve().name,
        objectives=objectives,
        trials=ranked(trials, objectives),
        source=folder,
        facts={name: _plain(asked[name]) for name in _FACTS if asked.get(name) not in (None, "", [])},
        space={str(key): str(value) for key, value in (asked.get("space") or {}).items()},
    )


def _objectives(asked: Any) -> tuple[Objective, ...]:
    several = asked if isinstance(asked, list) else [asked]
    return tuple(Objective(one["metric"], one["mode"]) for one in several)


def _trial(entry: dict[str, Any], folder: Path, objectives: tuple[Objective, ...]) -> Trial:
    runs = tuple(folder / run for run in entry["runs"])
    summaries = [_summary(run) for run in runs]
    state: State = entry["state"]
    return Trial(
        name=str(entry["number"]),
        state=state,
        values=_values(entry, objectives),
        deviation=entry.get("deviation"),
        params=entry["params"],
        metrics=_metrics(summaries, objectives),
        seconds=entry["seconds"] or None,
        num_steps=entry["steps"] or None,
        reason=entry.get("reason"),
        command=entry["command"],
        runs=runs,
        curves=_curves(runs),
        data=next((summary["data"] for summary in summaries if "data" in summary), None),
    )


def _summary(run: Path) -> dict[str, Any]:
    """Empty, with a warning, where it is damaged: the other trials can still be compared."""
    try:
        return read_summary(run)
    except ValueError as error:
        warnings.warn(f"{error} What the run reached is left out where trials.json does not say it.", stacklevel=2)
        return {}


def _values(entry: dict[str, Any], objectives: tuple[Objective, ...]) -> tuple[float | None, ...]:
    """With several objectives, they are by name; `value` is the first of them."""
    by_name = entry.get("objectives") or {objectives[0].metric: entry["value"]}
    values = (by_name.get(objective.metric) for objective in objectives)
    return tuple(None if value is None else float(value) for value in values)


def _metrics(summaries: list[dict[str, Any]], objectives: tuple[Objective, ...]) -> dict[str, float]:
    """The means over the runs of what each reached, the objectives aside."""
    reached = [numbers_of(summary) for summary in summaries]
    names = dict.fromkeys(name for numbers in reached for name in numbers)
    known = {objective.metric for objective in objectives}
    return {
        name: sum(numbers[name] for numbers in reached if name in numbers) / sum(name in numbers for numbers in reached)
        for name in names
        if name not in known
    }


def numbers_of(summary: dict[str, Any]) -> dict[str, float]:
    """The metrics in a summary, and the number of parameters."""
    return {
        name: value
        for name, value in summary.items()
        if isinstance(value, int | float) and ("/" in name or name == "num_parameters")
    }


def _curves(runs: tuple[Path, ...]) -> dict[str, Any]:
    read = [read_curves(run) for run in runs]
    if len(read) == 1:
        return dict(read[0])
    names = dict.fromkeys(name for curves in read for name in curves)
    return {name: mean_curve(curves[name] for curves in read if name in curves) for name in names}


def _read_yaml(path: Path) -> dict[str, Any]:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not what a sweep writes: it holds no settings.")
    return content


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
