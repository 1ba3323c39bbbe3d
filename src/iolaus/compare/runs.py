"""Reads any set of runs from their folders, and finds the options in which they differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iolaus.compare.curves import best_of, read_curves
from iolaus.compare.ranking import ranked
from iolaus.compare.sweeps import numbers_of
from iolaus.compare.table import is_number
from iolaus.compare.trials import Comparison, Curve, Objective, State, Trial
from iolaus.folder.plain_yaml import read_yaml
from iolaus.folder.summary import read_summary

# Where a run lives and what it is watched by changes nothing that it reaches.
_NO_OPTIONS = ("run_dir", "resume", "logger", "packages", "hydra")
_STATES: dict[str, State] = {
    "finished": "finished",
    "running": "running",
    "pruned": "pruned",
    "failed": "failed",
    "interrupted": "interrupted",
}


def read_runs(folders: Sequence[Path], objectives: tuple[Objective, ...] = ()) -> Comparison:
    """Compares by `objectives`, or by what the runs themselves aim at. A run that cannot be read counts as failed.

    Raises:
        ValueError: if the runs do not aim at the same, no run has reached what is to be compared, or none can be read.
    """
    folders = list({folder.resolve(): folder for folder in folders}.values())  # a run that is named twice is one
    names = dict(zip(folders, _names(folders), strict=True))
    summaries, damages = _summaries(folders)
    aims = objectives or (_common_objective(summaries),)
    options = _differing_options(list(summaries), list(summaries.values()))
    trials = [
        _trial(names[folder], folder, summary, params, aims)
        for (folder, summary), params in zip(summaries.items(), options, strict=True)
    ]
    _refuse_unreached(objectives, trials)
    trials += [
        Trial(names[folder], "failed", values=(None,) * len(aims), params={}, reason=damage, runs=(folder,))
        for folder, damage in damages.items()
    ]
    return Comparison(
        title=f"{len(trials)} runs" if len(trials) != 1 else trials[0].name,
        objectives=aims,
        trials=ranked(trials, aims),
    )


def runs_below(folder: Path) -> list[Path]:
    """The run folders in a folder, at any depth, in the order of their names."""
    return sorted(path.parent for path in folder.rglob("config.yaml") if (path.parent / "summary.json").is_file())


def _summaries(folders: Sequence[Path]) -> tuple[dict[Path, dict[str, Any]], dict[Path, str]]:
    """Those that can be read, and what is wrong with the others."""
    summaries: dict[Path, dict[str, Any]] = {}
    damages: dict[Path, str] = {}
    for folder in folders:
        try:
            summaries[folder] = read_summary(folder)
        except ValueError as error:
            damages[folder] = str(error)
    if not summaries:
        raise ValueError(next(iter(damages.values())))
    return summaries, damages


def _common_objective(summaries: dict[Path, dict[str, Any]]) -> Objective:
    """Of those that say one: a run that failed early had not come to it."""
    aims = {
        folder: Objective(**summary["objective"]) for folder, summary in summaries.items() if "objective" in summary
    }
    if not aims:
        folder, summary = next(iter(summaries.items()))
        reason = f" (it failed early: {summary['error'].splitlines()[0]})" if summary.get("error") else ""
        raise ValueError(
            f"{folder} does not say what it aims at{reason}: type --objective METRIC:min or METRIC:max, "
            "as in --objective val/accuracy:max."
        )
    first, aim = next(iter(aims.items()))
    for folder, own in aims.items():
        if own != aim:
            raise ValueError(
                f"{first} aims at {aim.metric}, {folder} at {own.metric}: compare runs of the same task, "
                "or name what both have, as in --objective val/loss:min."
            )
    return aim


def _refuse_unreached(objectives: tuple[Objective, ...], trials: Sequence[Trial]) -> None:
    """For what the user named and no run has; while there is nothing yet, it may still come."""
    found = {name for trial in trials for name in (*trial.metrics, *trial.curves) if "/" in name}
    for place, objective in enumerate(objectives):
        if any(trial.values[place] is not None for trial in trials):
            found.add(objective.metric)
    for objective in objectives:
        if found and objective.metric not in found:
            raise ValueError(
                f"--objective {objective.metric}:{objective.mode}: no run has {objective.metric}: type one of "
                f"{', '.join(sorted(found))}."
            )


def _trial(
    name: str, folder: Path, summary: dict[str, Any], params: dict[str, Any], objectives: tuple[Objective, ...]
) -> Trial:
    curves, known = read_curves(folder), {objective.metric for objective in objectives}
    return Trial(
        name=name,
        state=_STATES.get(summary.get("status", ""), "interrupted"),
        values=tuple(_value(summary, curves, objective) for objective in objectives),
        params=params,
        metrics={key: value for key, value in numbers_of(summary).items() if key not in known},
        seconds=summary.get("fit_seconds"),
        num_steps=summary.get("num_steps"),
        reason=summary.get("error"),
        command=summary.get("command", ""),
        runs=(folder,),
        curves=dict(curves),
        data=summary.get("data"),
    )


def _value(summary: dict[str, Any], curves: dict[str, Curve], objective: Objective) -> float | None:
    value = summary.get(objective.metric)
    return value if is_number(value) else best_of(curves.get(objective.metric), objective)


def _names(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(path[-length:]) for path in parts]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("different paths differ")


def _differing_options(folders: Sequence[Path], summaries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each run its choices and those of its overrides in which it differs from another.

    A run is its overrides and the defaults; so what no override names, and no choice, is the same everywhere.
    """
    overrides = [_overrides(folder) for folder in folders]
    groups = dict.fromkeys(key for summary in summaries for key in _choices(summary))
    keys = dict.fromkeys([*groups, *(key for keys in overrides for key in keys)])
    configs = [_config(folder) if any("." in key for key in keys) else {} for folder in folders]
    values = {
        key: [
            _choices(summary).get(key, summary.get(key, _select(config, key)))
            for summary, config in zip(summaries, configs, strict=True)
        ]
        for key in keys
        if key.split(".")[0] not in _NO_OPTIONS
    }
    differing = [key for key, column in values.items() if len({repr(value) for value in column}) > 1]
    return [{key: values[key][row] for key in differing} for row in range(len(folders))]


def _choices(summary: dict[str, Any]) -> dict[str, str]:
    """What was chosen in each group: in the summary they come first, up to the seed."""
    before = list(summary)[: list(summary).index("seed")] if "seed" in summary else []
    return {key: summary[key] for key in before}


def _overrides(folder: Path) -> list[str]:
    path = folder / "overrides.yaml"
    texts = read_yaml(path) if path.is_file() else []
    return [str(text).partition("=")[0].lstrip("+~") for text in texts if isinstance(texts, list)]


def _config(folder: Path) -> dict[str, Any]:
    return read_yaml(folder / "config.yaml")


def _select(config: dict[str, Any], key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
