"""`iolaus ensemble RUN RUN …`: several finished runs, or the snapshots of one, as one; and what that gains."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from iolaus import durable
from iolaus.data.module import HeldOut
from iolaus.data.numbered import Numbered
from iolaus.data.series.series import SeriesData
from iolaus.folder.place import reserve
from iolaus.folder.run_folder import RunFolder
from iolaus.folder.snapshots import Snapshots
from iolaus.folder.summary import Summary, provenance
from iolaus.spec import Classes
from iolaus.verbs.combining import By, average, stacked, vote
from iolaus.verbs.members import Member, join
from iolaus.verbs.predictions import Row, rows, write


def ensemble(runs: list[RunFolder], by: By = "average", *, snapshots: bool = False) -> dict[str, Any]:
    """Writes summary.json and predictions.csv to RUN/ensemble/<by>/ of the first run, and returns the summary.

    Its gains are in accuracy or mean squared error, on the test samples, and above 0 where the ensemble is better: than
    the best of its members on these very samples, and than their mean.

    Raises:
        ValueError: if there are not two members, or they do not belong together.
    """
    members = _members(runs, ["val", "test"] if by == "stack" else ["test"], snapshots)
    if by == "vote" and not isinstance(members[0].task.target, Classes):
        raise ValueError(f"--by vote takes classes, and {members[0].name} answers with values: type --by average.")
    output = _combined(members, by)
    folder = reserve(runs[0].path / "ensemble", f"snapshots-{by}" if snapshots else by)
    durable.write_text(folder / "predictions.csv", write(_rows(members[0], output), None))
    summary = Summary(folder, by=by, runs=[str(run.path) for run in runs], **provenance())
    summary.add(folder=str(folder), **_gains(members, output))
    return summary.values


def leaderboard(summary: dict[str, Any]) -> str:
    """Members, ensemble and gains as lines for the terminal."""
    metric, members = summary["metric"], summary["members"]
    lines = {"": metric} | {member["name"]: f"{member[metric]:.4f}" for member in members}
    lines[f"{summary['by']} of {len(members)}"] = f"{summary[metric]:.4f}"
    lines["gain over the best of them"] = f"{summary['gain_over_best']:+.4f}"
    lines["gain over their mean"] = f"{summary['gain_over_mean']:+.4f}"
    width, right = max(map(len, lines)), max(map(len, lines.values()))
    return "\n".join(f"  {name:<{width}}  {value:>{right}}" for name, value in lines.items())


def _members(runs: list[RunFolder], parts: list[HeldOut], snapshots: bool) -> list[Member]:
    members: list[Member] = []
    for run, weights in _chosen(runs, snapshots):
        members.append(join(run, weights, parts, members[0] if members else None))
    return members


def _chosen(runs: list[RunFolder], snapshots: bool) -> list[tuple[RunFolder, Path | None]]:
    if len({run.path for run in runs}) < len(runs):
        raise ValueError("A run is named twice: an ensemble takes each once.")
    if not snapshots:
        if len(runs) < 2:
            raise ValueError("An ensemble takes two runs or more; of one, type --snapshots for what it has kept.")
        return [(run, None) for run in runs]
    found: list[tuple[RunFolder, Path | None]] = []
    for run in runs:
        kept = Snapshots(run.path).whole()
        if len(kept) < 2:
            raise ValueError(
                f"{run.path} has kept {len(kept) or 'no'} snapshot{'' if len(kept) == 1 else 's'}: an ensemble takes "
                "two or more, as train.py scheduler=cosine_restarts callbacks.snapshots.last=5 keeps them."
            )
        found += [(run, snapshot) for snapshot in kept]
    return found


def _combined(members: list[Member], by: By) -> Tensor:
    answers = [member.parts["test"].outputs for member in members]
    if by == "stack":
        learned = [member.parts["val"] for member in members]
        return stacked([part.outputs for part in learned], learned[0].targets)(answers)
    return {"average": average, "vote": vote}[by](answers)


def _gains(members: list[Member], output: Tensor) -> dict[str, Any]:
    first = members[0]
    targets = first.parts["test"].targets
    metric, mode = ("accuracy", "max") if isinstance(first.task.target, Classes) else ("mse", "min")

    def measured(answer: Tensor) -> dict[str, float]:
        first.task.meters["test"].add(len(targets), **first.task.measure(answer, targets))
        return {f"test/{name}": value for name, value in first.task.means("test").items()}

    of_members, reached = [measured(member.parts["test"].outputs) for member in members], measured(output)
    sign = 1 if mode == "max" else -1
    score, *scores = (sign * values[f"test/{metric}"] for values in (reached, *of_members))
    return {
        "metric": f"test/{metric}",
        "mode": mode,
        "members": [{"name": member.name} | values for member, values in zip(members, of_members, strict=True)],
        **reached,
        "gain_over_best": score - max(scores),
        "gain_over_mean": score - sum(scores) / len(scores),
    }


def _rows(first: Member, output: Tensor) -> list[Row]:
    """Of the test samples: what the ensemble says of each, and what is right; values in the units of the data."""
    targets, data, target = first.parts["test"].targets, first.data, first.task.target
    if isinstance(data, SeriesData):
        return list(_forecast_rows(data, output, targets))
    numbers = [str(number) for number in range(len(output))]
    if isinstance(target, Classes):
        right: list[Any] = [target.names[label] for label in targets.tolist()]
    else:
        assert isinstance(data, Numbered)
        output, right = data.unscale(output), data.unscale(targets).tolist()
    return [row | {"right": truth} for row, truth in zip(rows(target, output, numbers), right, strict=True)]


def _forecast_rows(data: SeriesData, output: Tensor, targets: Tensor) -> Iterator[Row]:
    """One for each step of each window."""
    names = [*data.channel_names, *(f"{name} (right)" for name in data.channel_names)]
    for window, (said, came) in enumerate(
        zip(data.unscale(output).tolist(), data.unscale(targets).tolist(), strict=True)
    ):
        for step, values in enumerate(zip(said, came, strict=True), start=1):
            yield {"window": window, "step": step} | dict(zip(names, [*values[0], *values[1]], strict=True))
