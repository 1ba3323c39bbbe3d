"""resume.force=true: what may differ, what starts afresh then, and what is refused all the same."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.faults.drill import Drill
from tests.faults.fault import Fault
from tests.forks import Forks

_BEGUN = (
    *("model.dim=16", "data.batch_size=100", "trainer=cpu", "trainer.max_epochs=2", "trainer.log_every_n_steps=1"),
    *("callbacks.checkpoint.every_n_steps=3", "scheduler=cosine"),
)
_SGD = ("optimizer=sgd", "optimizer.lr=0.05")
_NUM_STEPS = 26  # of both epochs


@pytest.fixture(scope="module")
def run(forks: Forks) -> Drill:
    return Drill(forks)


def _begin(run: Drill, folder: Path, *overrides: str) -> None:
    ended = run([*_BEGUN, *overrides, "run_dir=run"], folder, Fault("SIGKILL", "train step", 8))
    assert ended.code == -9, ended.output


def _summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def _checkpoint(folder: Path, name: str = "last") -> dict[str, Any]:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def _rates(folder: Path) -> dict[int, float]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("step/learning_rate")]
    return {int(row["step"]): float(row["step/learning_rate"]) for row in rows}


def test_another_optimizer_keeps_the_weights_and_starts_afresh(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path)
    refused = run(["resume=run", *_SGD], tmp_path)
    assert refused.code == 2
    assert "the run began with optimizer=adamw, so it cannot go on with optimizer=sgd" in refused.output
    forced = run(["resume=run", *_SGD, "resume.force=true"], tmp_path)
    assert forced.code == 0, forced.output
    assert forced.output.count("both start afresh") == 1
    folder = tmp_path / "run"
    assert _summary(folder)["forced"] == ["optimizer: adamw → sgd"]
    (state,) = _checkpoint(folder)["optimizer_states"]
    assert {key for values in state["state"].values() for key in values} == {"momentum_buffer"}
    # The schedule is where it would be, had the run had this optimizer from the start.
    assert run([*_BEGUN, *_SGD, "run_dir=whole"], tmp_path).code == 0
    rates, expected = _rates(folder), _rates(tmp_path / "whole")
    assert rates.keys() == expected.keys()
    assert {step: rates[step] for step in rates if step > 8} == {step: expected[step] for step in rates if step > 8}
    assert rates[min(rates)] != expected[min(rates)]


def test_it_starts_afresh_again_if_it_was_killed_before_its_first_save(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path)
    strike = Fault("SIGKILL", "train step", 7)
    assert run(["resume=run", *_SGD, "resume.force=true"], tmp_path, strike).code == -9
    ended = run(["resume=run"], tmp_path)
    assert ended.code == 0, ended.output
    assert ended.output.count("both start afresh") == 1
    assert _summary(tmp_path / "run")["forced"] == ["optimizer: adamw → sgd"]
    (state,) = _checkpoint(tmp_path / "run")["optimizer_states"]
    assert {key for values in state["state"].values() for key in values} == {"momentum_buffer"}


def test_another_rate_is_the_one_that_counts(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path, "scheduler=constant")
    ended = run(["resume=run", "optimizer.lr=0.05", "resume.force=true"], tmp_path)
    assert ended.code == 0, ended.output
    assert _summary(tmp_path / "run")["forced"] == ["optimizer.lr: 0.001 → 0.05"]
    assert set(list(_rates(tmp_path / "run").values())[-5:]) == {0.05}


def test_a_schedule_is_laid_out_anew_for_a_longer_run(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path, "scheduler=onecycle")
    ended = run(["resume=run", "trainer.max_epochs=4", "resume.force=true"], tmp_path)
    assert ended.code == 0, ended.output
    assert "trainer.max_epochs: 2 → 4" in _summary(tmp_path / "run")["forced"]
    assert run([*_BEGUN, "scheduler=onecycle", "trainer.max_epochs=4", "run_dir=whole"], tmp_path).code == 0
    rates, expected = _rates(tmp_path / "run"), _rates(tmp_path / "whole")
    assert {step: rates[step] for step in rates if step > 8} == {step: expected[step] for step in rates if step > 8}


def test_a_longer_run_whose_schedule_does_not_ask_goes_on_as_it_was(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path, "scheduler=plateau")
    ended = run(["resume=run", "trainer.max_epochs=3"], tmp_path)
    assert ended.code == 0, ended.output
    assert "start afresh" not in ended.output
    assert "forced" not in _summary(tmp_path / "run")


@pytest.mark.parametrize("other", [["model.dim=32"], ["model=rnn"], ["data=co2"]], ids=" ".join)
def test_weights_that_do_not_fit_are_refused_and_the_run_stays_as_it_was(
    run: Drill, tmp_path: Path, other: list[str]
) -> None:
    _begin(run, tmp_path)
    folder = tmp_path / "run"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"}
    ended = run(["resume=run", "resume.force=true", *other], tmp_path)
    assert ended.code == 2, ended.output
    (line,) = [line for line in ended.output.splitlines() if line.startswith("error: ")]
    assert "its weights do not fit this model" in line
    assert "type init_from=run instead" in line
    assert "Traceback" not in ended.output
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"}
    changed = {path.name for path in after if before.get(path) != after[path]}
    assert changed <= {"summary.json", ".lock"}  # which a process that is ended at once leaves
    assert run(["resume=run"], tmp_path).code == 0


def test_what_is_done_to_the_weights_stays_as_it_was_unless_forced(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path)
    for name, option, value in (("ema", "decay", 0.9), ("l1", "strength", 0.001), ("swa", "start", 1)):
        path = f"callbacks.{name}.{option}"
        refused = run(["resume=run", f"{path}={value}"], tmp_path)
        assert refused.code == 2
        assert f"the run began with {path}=None, so it cannot go on with {path}={value}" in refused.output
    assert run(["resume=run", "callbacks.swa.start=1", "resume.force=true"], tmp_path).code == 0
    assert _summary(tmp_path / "run")["forced"] == ["callbacks.swa.start: None → 1"]


def test_a_finished_run_stays_finished_if_it_may_not_go_on(run: Drill, tmp_path: Path) -> None:
    assert run([*_BEGUN, "run_dir=run"], tmp_path).code == 0
    before = (tmp_path / "run" / "summary.json").read_bytes()
    for other in ("model=rnn", "data=co2"):  # the second is known only when the data have been read
        ended = run(["resume=run", "trainer.max_epochs=3", "resume.force=true", other], tmp_path)
        assert ended.code == 2, ended.output
        assert "its weights do not fit this model" in ended.output
        assert (tmp_path / "run" / "summary.json").read_bytes() == before


def test_another_loss_goes_on_with_everything_else(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path)
    ended = run(["resume=run", "loss=focal", "resume.force=true"], tmp_path)
    assert ended.code == 0, ended.output
    assert "start afresh" not in ended.output
    assert _summary(tmp_path / "run")["forced"] == ["loss: cross_entropy → focal"]


def test_the_batch_size_that_was_found_is_kept(run: Drill, tmp_path: Path) -> None:
    """The same command each time, whatever had been reached."""
    command = [
        "trainer.batch_size=auto", "run_dir=run", "resume=auto", "trainer=cpu", "model.dim=16", "trainer.max_epochs=2",
    ]  # fmt: skip
    assert run(command, tmp_path, Fault("SIGKILL", "train step", 1)).code == -9
    ended = run(command, tmp_path)
    assert ended.code == 0, ended.output
    config = (tmp_path / "run" / "config.yaml").read_text()
    assert "batch_size: 1024" in config
    assert _summary(tmp_path / "run")["num_steps"] == 2
    again = run(command, tmp_path)
    assert (again.code, again.output) == (0, "run is finished.\n")
    longer = run(["resume=run", "trainer.batch_size=auto", "trainer.max_epochs=3"], tmp_path)
    assert longer.code == 0, longer.output
    assert _summary(tmp_path / "run")["num_steps"] == 3


def test_a_size_that_was_not_found_yet_is_looked_for(run: Drill, tmp_path: Path) -> None:
    """The run was killed in its search: its config has the size that its data would have had."""
    command = ["trainer.batch_size=auto", "run_dir=run", "resume=auto", "trainer=cpu", "model.dim=16"]
    strike = Fault("SIGKILL", "start")
    assert run([*command, "trainer.max_epochs=1"], tmp_path, strike).code == -9
    config = tmp_path / "run" / "config.yaml"
    found = config.read_text()
    config.write_text(
        found.replace("batch_size: 1024", "batch_size: 64").replace("batch_size: null", "batch_size: auto")
    )
    ended = run([*command, "trainer.max_epochs=1"], tmp_path)
    assert ended.code == 0, ended.output
    assert _summary(tmp_path / "run")["num_steps"] == 1


def test_a_mistake_beside_resume_is_named_as_any_other(run: Drill, tmp_path: Path) -> None:
    _begin(run, tmp_path)
    for again in (["resume=run"], ["run_dir=run", "resume=auto"]):
        ended = run([*again, "modell=mlp", "optimizer.lrr=3"], tmp_path)
        assert ended.code == 2
        assert [line.split(":")[1] for line in ended.output.splitlines()] == [" modell=mlp", " optimizer.lrr=3"]
