"""A W&B report as code: a script that shows the panels of report.html on W&B, which keeps reports on its servers only.

Written here is the script; running it takes an account, and the package wandb-workspaces.
"""

import re
from functools import singledispatch
from pathlib import Path
from typing import Any

from iolaus.compare.panels import (
    Importance,
    LearningCurves,
    Pairs,
    Panel,
    ParallelCoordinates,
    Slices,
    Tradeoff,
    panels,
)
from iolaus.compare.trials import Comparison
from iolaus.folder.plain_yaml import read_yaml

_TEMPLATE = '''\
"""The W&B report of {title}: the panels of its report.html, as W&B draws them.

    wandb login                        # an API key, once
    {sync}
    pip install wandb-workspaces
    python {name}                      # prints the report's address
"""

import wandb_workspaces.reports.v2 as wr

PROJECT = {project!r}

runs = wr.Runset(project=PROJECT, name={title!r}, filters={filters!r}, order=[{order}])
report = wr.Report(
    project=PROJECT,
    title={title!r},
    description={description!r},
    width="fluid",
    blocks=[
{blocks}
    ],
)

if __name__ == "__main__":
    report.save()
    print(report.url)
'''
_NAME = "wandb_report.py"
_MAX_TITLE = 128  # W&B's own limit


def wandb_report(comparison: Comparison) -> str:
    """The script as text.

    Raises:
        ValueError: if none of the runs was recorded by W&B.
    """
    recorded = [run for trial in comparison.trials for run in trial.runs if (run / "wandb").is_dir()]
    if not recorded:
        raise ValueError(
            f"{comparison.title}: no run of it was recorded by W&B, so there is nothing that a report could show: "
            "run it with logger=wandb."
        )
    objective = comparison.objective
    metric = f"wr.SummaryMetric({objective.metric!r})"
    return _TEMPLATE.format(
        title=re.sub(r"[^\w .,:+-]", "", comparison.title)[:_MAX_TITLE],
        name=_NAME,
        sync="\n    ".join(_syncs(comparison)),
        project=_project(recorded[0]),
        filters=_filters(comparison),
        order=f"wr.OrderBy({metric}, ascending={objective.mode == 'min'})",
        description=f"By {', '.join(map(str, comparison.objectives))}. {comparison.warning or ''}".strip(),
        blocks="\n".join(_blocks(comparison)),
    )


@singledispatch
def code(panel: Any) -> list[str]:
    """The panel as W&B's panels: one expression each."""
    raise AssertionError(f"W&B has nothing for {type(panel).__name__}")


@code.register
def _(panel: LearningCurves) -> list[str]:
    return [f"wr.LinePlot(title={panel.metric!r}, x='epoch', y=[{panel.metric!r}], max_runs_to_show=100)"]


@code.register
def _(panel: Tradeoff) -> list[str]:
    against = "_runtime" if panel.against == "seconds" else panel.against
    return [
        f"wr.ScatterPlot(title={panel.label!r}, x=wr.SummaryMetric({against!r}), "
        f"y=wr.SummaryMetric({panel.objective.metric!r}))"
    ]


@code.register
def _(panel: Importance) -> list[str]:
    return [f"wr.ParameterImportancePlot(with_respect_to={panel.objective.metric!r})"]


@code.register
def _(panel: ParallelCoordinates) -> list[str]:
    if not panel.options:
        return []
    columns = [f"{_option(option)}, display_name={option!r}" for option in panel.options]
    columns.append(f"wr.SummaryMetric({panel.objective.metric!r})")
    listed = ", ".join(f"wr.ParallelCoordinatesPlotColumn({column})" for column in columns)
    return [f"wr.ParallelCoordinatesPlot(columns=[{listed}])"]


@code.register
def _(panel: Slices) -> list[str]:
    return [
        f"wr.ScatterPlot(title={option!r}, x={_option(option)}, y=wr.SummaryMetric({panel.objective.metric!r}))"
        for option in panel.options
    ]


@code.register
def _(panel: Pairs) -> list[str]:
    return [
        f"wr.ScatterPlot(title={f'{across}, {up}'!r}, x={_option(across)}, y={_option(up)}, "
        f"z=wr.SummaryMetric({panel.objective.metric!r}))"
        for number, across in enumerate(panel.options)
        for up in panel.options[number + 1 :]
    ]


def _option(option: str) -> str:
    """Where the option stands in the config of a W&B run: those that choose a yaml are kept under `choice`."""
    is_choice = "." not in option and option != "seed"
    return f"wr.Config({'choice.' * is_choice + option!r})"


def _blocks(comparison: Comparison) -> list[str]:
    """A heading and a grid for each kind of panel."""
    lines: list[str] = []
    kinds: dict[type, list[Panel]] = {}
    for panel in panels(comparison):
        kinds.setdefault(type(panel), []).append(panel)
    for kind, views in kinds.items():
        drawn = [expression for view in views for expression in code(view)]
        if not drawn:
            continue
        lines.append(f"        wr.H2({kind.title!r}),")  # type: ignore[attr-defined]
        lines += [
            "        wr.PanelGrid(runsets=[runs], panels=[",
            *(f"            {one}," for one in drawn),
            "        ]),",
        ]
    return lines


def _filters(comparison: Comparison) -> str:
    """A sweep is a group; other runs are found by their names."""
    if comparison.facts or comparison.space:
        return f"Group = {comparison.title!r}"
    names = ["/".join(run.resolve().parts[-2:]) for trial in comparison.trials for run in trial.runs]
    return f"Name in [{', '.join(map(repr, names))}]"


def _syncs(comparison: Comparison) -> list[str]:
    """The commands that bring up what was recorded offline."""
    folders = sorted({run.parent if comparison.source else run for trial in comparison.trials for run in trial.runs})
    pattern = "*/wandb/offline-run-*" if comparison.source else "wandb/offline-run-*"
    return [f"wandb sync {folder}/{pattern}" for folder in folders] or ["wandb sync …"]


def _project(run: Path) -> str:
    config = read_yaml(run / "config.yaml")
    nodes = [node for node in (config.get("logger") or {}).values() if isinstance(node, dict)]
    return next((node["project"] for node in nodes if "project" in node), "iolaus")
