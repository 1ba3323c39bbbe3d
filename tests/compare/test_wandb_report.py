"""The script that makes the W&B report: it shows the panels of report.html, and runs."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from iolaus.compare.collect import collect
from iolaus.compare.panels import panels
from iolaus.compare.wandb_report import code, wandb_report
from tests.compare.made_up import write_sweep


class _Recorder:
    """Stands for any class of wandb-workspaces, which needs an account to do more than be built."""

    def __init__(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.name, self.arguments, self.options = name, arguments, options


@pytest.fixture
def workspaces(monkeypatch: pytest.MonkeyPatch) -> None:
    package, reports, module = (
        types.ModuleType("wandb_workspaces"), types.ModuleType("reports"), types.ModuleType("v2"),
    )  # fmt: skip
    module.__getattr__ = lambda name: lambda *args, **kwargs: _Recorder(name, args, kwargs)  # type: ignore[method-assign]
    package.reports, reports.v2 = reports, module  # type: ignore[attr-defined]
    for name, found in (("", package), (".reports", reports), (".reports.v2", module)):
        monkeypatch.setitem(sys.modules, f"wandb_workspaces{name}", found)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    folder = write_sweep(tmp_path / "it's one", 12)
    (folder / "0" / "wandb").mkdir()
    return folder


@pytest.mark.usefixtures("workspaces")
def test_it_shows_the_panels_of_the_page(recorded: Path) -> None:
    comparison = collect([recorded])
    names: dict[str, Any] = {"__name__": "read"}
    exec(wandb_report(comparison), names)
    grids = [block for block in names["report"].options["blocks"] if block.name == "PanelGrid"]
    drawn = [panel for grid in grids for panel in grid.options["panels"]]
    assert len(drawn) == sum(len(code(panel)) for panel in panels(comparison))
    (parallel,) = [panel for panel in drawn if panel.name == "ParallelCoordinatesPlot"]
    metrics = [column.arguments[0].arguments[0] for column in parallel.options["columns"]]
    assert {"choice.model", "choice.optimizer", "optimizer.lr"} <= set(metrics)
    assert metrics[-1] == "val/accuracy"
    assert names["runs"].options["project"] == "iolaus"
    assert names["runs"].options["filters"] == f"Group = {comparison.title!r}"


def test_what_was_never_recorded_cannot_be_shown(sweep: Path) -> None:
    with pytest.raises(ValueError, match="run it with logger=wandb"):
        wandb_report(collect([sweep]))
