"""What is read from the folders of sweeps and runs, and what is said of folders that are neither."""

import json
from pathlib import Path

import pytest
import yaml

from iolaus.compare.collect import collect, parse_objective
from iolaus.compare.curves import thinned
from iolaus.compare.ranking import pareto_front, pareto_layers
from iolaus.compare.table import differing, to_csv
from iolaus.compare.terminal import leaderboard
from iolaus.compare.trials import Objective
from tests.compare.made_up import write_sweep
from tests.conftest import Command


def test_a_sweep_is_ranked_by_its_objective(sweep: Path) -> None:
    comparison = collect([sweep])
    values = [trial.values[0] for trial in comparison.complete]
    assert values == sorted(values, reverse=True)
    assert len(comparison.trials) == 60
    states = [trial.state for trial in comparison.trials]
    assert states == sorted(states, key=["finished", "pruned", "failed"].index)
    best = comparison.complete[0]
    entry = json.loads((sweep / "trials.json").read_text())[int(best.name)]
    assert best.values == (entry["value"],)
    assert best.metrics["test/accuracy"] == pytest.approx(best.values[0] - 0.01)  # the mean over its seeds
    assert [run.name for run in best.runs] == ["seed-0", "seed-1"]
    assert len(best.curves["val/accuracy"][0]) == 12


def test_several_objectives_put_the_pareto_front_first(two_objectives: Path) -> None:
    comparison = collect([two_objectives])
    costs = [(-trial.values[0], trial.values[1]) for trial in comparison.complete]  # type: ignore[operator]
    front = set(pareto_front(costs))
    assert front == set(range(len(front)))


def test_layers_of_the_front_agree_with_the_definition() -> None:
    points = [(1, 5), (2, 2), (5, 1), (3, 3), (2, 2), (6, 6), (1, 6)]
    assert pareto_layers(points) == [0, 0, 0, 1, 0, 2, 1]
    assert pareto_front(points) == [0, 1, 4, 2]


def test_values_that_are_missing_or_no_numbers_come_last(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "gaps", 6)
    trials = json.loads((folder / "trials.json").read_text())
    trials[0] |= {"state": "finished", "value": float("nan")}
    trials[1] |= {"state": "finished", "value": None}
    trials[2] |= {"state": "waiting", "value": None, "values": [], "runs": [], "seconds": 0.0, "steps": 0}
    (folder / "trials.json").write_text(json.dumps(trials))
    comparison = collect([folder])
    assert {"0", "1", "2"}.isdisjoint(trial.name for trial in comparison.complete)
    assert "nan" in leaderboard(comparison)
    assert to_csv(comparison).count("\n") == 7


def test_runs_are_compared_by_the_options_in_which_they_differ(sweep: Path) -> None:
    runs = [sweep / str(number) / "seed-0" for number in range(4)]
    comparison = collect([*runs, runs[0]])
    assert len(comparison.trials) == 4
    assert set(differing(comparison.trials)) <= {"model", "optimizer", "optimizer.lr"}
    assert "optimizer.lr" in differing(comparison.trials)
    assert {trial.name for trial in comparison.trials} == {f"{number}/seed-0" for number in range(4)}
    other = collect(runs, (Objective("val/loss", "min"),))
    assert [trial.name for trial in other.trials] == [trial.name for trial in comparison.trials]


def test_a_folder_with_runs_stands_for_them(sweep: Path) -> None:
    comparison = collect([sweep / "0"])
    assert [trial.name for trial in comparison.trials if trial.is_complete]
    assert comparison.source == sweep / "0"


def test_other_data_are_warned_of(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "mixed", 5)
    summary = json.loads((folder / "0" / "summary.json").read_text())
    (folder / "0" / "summary.json").write_text(json.dumps(summary | {"data": "reviews"}))
    assert "different data (digits, reviews)" in leaderboard(collect([folder]))


def test_the_terminal_lists_reasons_and_only_what_differs(sweep: Path) -> None:
    text = leaderboard(collect([sweep]), num_shown=5)
    assert "trial" in text.splitlines()[2]
    assert "RuntimeError: the loss is not finite" in text
    assert "pruned by hyperband after 3 epochs" in text
    assert "12,345" not in text  # the number of parameters, which all have
    assert "… and" in text
    assert text.splitlines()[-1].startswith("best: python train.py model=")
    assert all(line.isprintable() for line in text.splitlines())


def test_curves_are_thinned_to_their_last_epoch() -> None:
    curve = (list(range(1, 1001)), [float(epoch) for epoch in range(1000)])
    epochs, values = thinned(curve, 50)
    assert len(epochs) <= 51
    assert (epochs[0], epochs[-1]) == (1, 1000)
    assert values == [float(epoch - 1) for epoch in epochs]
    assert thinned((epochs, values), 100) == (epochs, values)


def test_a_run_that_failed_early_or_is_damaged_does_not_keep_the_others_from_being_compared(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "some", 4)
    (folder / "sweep.yaml").unlink()  # runs in a folder
    early, damaged = folder / "0" / "summary.json", folder / "1" / "summary.json"
    early.write_text(json.dumps({"model": "mlp", "seed": 0, "status": "failed", "error": "ValueError: too short"}))
    (folder / "0" / "metrics.csv").unlink()
    damaged.write_text("{")
    comparison = collect([folder])
    assert comparison.objective == Objective("val/accuracy", "max")
    assert {trial.name for trial in comparison.complete} == {"2", "3"}
    assert {trial.name for trial in comparison.of_state("failed")} == {"0", "1"}
    assert set(differing(comparison.trials)) <= {"data", "model", "optimizer", "optimizer.lr"}
    text = leaderboard(comparison)
    assert "ValueError: too short  (trial 0)" in text
    assert "is damaged" in text
    with pytest.raises(ValueError, match=r"failed early: ValueError: too short.*type --objective"):
        collect([folder / "0"])
    assert collect([folder / "0"], (Objective("val/loss", "min"),)).of_state("failed")
    with pytest.raises(ValueError, match=r"summary.json is damaged"):
        collect([folder / "1"])


def test_a_damaged_run_does_not_keep_its_sweep_from_being_compared(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "some", 4)
    (folder / "1" / "summary.json").write_text("{")
    with pytest.warns(UserWarning, match=r"summary.json is damaged"):
        assert len(collect([folder]).complete) == 4


def test_an_objective_that_no_run_has_is_refused(sweep: Path) -> None:
    runs = [sweep / str(number) / "seed-0" for number in range(3)]
    for objectives in ((Objective("val/foo", "min"),), (Objective("val/loss", "min"), Objective("val/foo", "min"))):
        with pytest.raises(ValueError, match=r"^--objective val/foo:min: no run has val/foo: type one of .*val/loss"):
            collect(runs, objectives)
    with pytest.raises(ValueError, match=r"^--objective model:min: no run has model"):  # no number
        collect(runs, (Objective("model", "min"),))


def test_mistakes_are_one_sentence_each(tmp_path: Path, sweep: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = write_sweep(tmp_path / "broken", 1)
    (broken / "trials.json").write_text("[{}]")
    begun = write_sweep(tmp_path / "begun", 1)
    (begun / "trials.json").unlink()
    other = write_sweep(tmp_path / "other", 1) / "0"
    summary = json.loads((other / "summary.json").read_text())
    (other / "summary.json").write_text(json.dumps(summary | {"objective": {"metric": "val/mse", "mode": "min"}}))
    aimless = write_sweep(tmp_path / "aimless", 1) / "0"
    (aimless / "summary.json").write_text(json.dumps({"seed": 0}))
    no_map = tmp_path / "no_map"
    no_map.mkdir()
    (no_map / "sweep.yaml").write_text(yaml.safe_dump(["x"]))
    for paths, expected in (
        ([tmp_path / "nowhere"], "is no folder"),
        ([empty], "holds no run"),
        ([broken], "cannot be read as a sweep"),
        ([begun], "has no trials yet"),
        ([sweep / "0" / "seed-0", other], "at val/mse: compare runs of the same task"),
        ([aimless], "does not say what it aims at"),
        ([no_map], "holds no settings"),
    ):
        with pytest.raises(ValueError, match=expected) as caught:
            collect(paths)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="METRIC:min or METRIC:max"):
        parse_objective("val/accuracy")


def test_the_verb_writes_a_page_and_a_table(command: Command, tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "small", 5)
    result = command("compare", "small", verb=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "small/report.html"
    assert (folder / "leaderboard.csv").read_text().startswith("rank,trial,state,val/accuracy")
    assert not list(folder.glob(".*.partial"))
    result = command("compare", "small/0", "small/1", "--output", "elsewhere", "--objective", "val/loss:min", verb=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "elsewhere" / "report.html").exists()
    result = command("compare", "nowhere", verb=True)
    assert result.returncode == 2
    assert result.stderr.startswith("error: nowhere is no folder")
