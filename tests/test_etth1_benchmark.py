"""The table of forecasters: what is finished is not run again, what was stopped goes on, what is missing is empty."""

import json
from pathlib import Path
from typing import Any

import pytest

from iolaus.config.compose import options
from tests.conftest import REPOSITORY


@pytest.fixture
def etth1(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import etth1

    return etth1


def finish(folder: Path, **values: Any) -> None:
    folder.mkdir(parents=True)
    plain = {"status": "finished", "num_parameters": 64_704, "fit_seconds": 10.2}
    (folder / "summary.json").write_text(json.dumps(plain | values))
    (folder / "config.yaml").write_text("data:\n  lookback: 336\n")


def test_there_is_an_experiment_for_every_model(etth1: Any) -> None:
    assert {f"etth1_{model}" for model in etth1.PUBLISHED} == {
        e for e in options("experiment") if e.startswith("etth1")
    }


def test_runs_what_is_missing_and_goes_on_where_it_was_stopped(
    etth1: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_for: list[list[str]]
) -> None:
    monkeypatch.setattr("sys.argv", ["etth1.py", str(tmp_path), "--models", "nlinear"])
    for number, status in enumerate(["finished", "interrupted", "running"]):
        finish(tmp_path / f"nlinear-96-{number}", status=status, **{"test/mse": 0.3, "test/mae": 0.3})
    etth1.main()
    missing = [(192, 0), (336, 0), (720, 0), (96, 1), (96, 2)]
    assert asked_for == [
        [
            *("experiment=etth1_nlinear", f"data.horizon={horizon}", f"seed={seed}"),
            *(f"run_dir={tmp_path}/nlinear-{horizon}-{seed}", "resume=auto"),
        ]
        for horizon, seed in missing
    ]


def test_the_table_has_means_and_what_was_published(etth1: Any, tmp_path: Path) -> None:
    for seed, error in enumerate([0.37, 0.38, 0.39]):
        finish(tmp_path / f"nlinear-96-{seed}", **{"test/mse": error, "test/mae": 0.4})
    finish(tmp_path / "lstm-96-0", **{"test/mse": 0.5, "test/mae": 0.6})
    page = tmp_path / "results.md"
    page.write_text(f"before\n<!-- {etth1.MARK} -->\nold\n<!-- end -->\nafter\n")
    etth1.write(page, etth1.MARK, etth1.table(tmp_path, ["nlinear", "dlinear", "lstm"]))
    before, *_, nlinear, dlinear, lstm, empty, _, after = page.read_text().splitlines()
    assert (before, empty, after) == ("before", "", "after")
    assert nlinear == (
        "| nlinear | 336 | 64,704 | 0.3800 ± 0.0100 (0.374) | (0.408) | (0.429) | (0.440) | 0.4000 | 10 s |"
    )
    assert dlinear == "| dlinear |  |  | (0.375) | (0.405) | (0.439) | (0.472) |  |  |"
    assert lstm == "| lstm | 336 | 64,704 | 0.5000 |  |  |  | 0.6000 | 10 s |"


def test_the_results_have_a_place_for_it(etth1: Any) -> None:
    text = (REPOSITORY / "docs" / "results.md").read_text()
    assert text.count(f"<!-- {etth1.MARK} -->\n") == 1
