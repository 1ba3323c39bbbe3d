"""Every sampler and pruner that conf/sweep/ offers, in sweeps whose trials are acted; and one sweep that is real."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from iolaus.config import build
from iolaus.config.compose import compose, options
from tests.conftest import Command
from tests.sweep.test_loop import perform

pytestmark = pytest.mark.timeout(900)

TINY = ("model.dim=8", "trainer=cpu", "+trainer.limit_train_batches=2", "data.batch_size=64", "sweep.dir=s")
RANGES = ("optimizer.lr=tag(log,interval(1e-4,1e-1))", "optimizer.weight_decay=interval(0,0.1)")
# Each has drawn its first points at random by the third trial, and proposes the rest itself.
SAMPLERS = {
    "random": [],
    "cmaes": ["sweep.sampler.n_startup_trials=1"],
    "gp": ["sweep.sampler.n_startup_trials=2"],
    "tpe": ["sweep.sampler.n_startup_trials=2"],
    "nsga2": ["sweep.sampler.population_size=2"],
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_proposes_all_points(name: str, tmp_path: Path) -> None:
    config = compose([f"sweep={name}", *SAMPLERS[name]]).config
    make = build.factory(config, "sweep.sampler")
    records, _ = perform(
        tmp_path, lambda job, _: [0.1 * int(job.name)], space=" ".join(RANGES), num_trials=5,
        sampler=lambda number: make(seed=number),
    )  # fmt: skip
    assert [record["state"] for record in records] == ["finished"] * 5
    assert len({tuple(record["params"].values()) for record in records}) == 5


def test_a_sweep_with_several_objectives_has_them_all(command: Command, tmp_path: Path) -> None:
    few = ("sweep.sampler.population_size=2", "sweep.trials=3", "trainer.max_epochs=1")
    result = command("-m", "sweep=nsga2", *few, *TINY, *RANGES)
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr, result.stderr
    assert yaml.safe_load((tmp_path / "s" / "sweep.yaml").read_text())["sampler"] == "NSGAIISampler"
    trials = json.loads((tmp_path / "s" / "trials.json").read_text())
    assert [trial["state"] for trial in trials] == ["finished"] * 3
    assert all(set(trial["objectives"]) == {"val/accuracy", "num_parameters"} for trial in trials)


def test_every_sampler_and_pruner_is_tried() -> None:
    assert set(options("sweep/pruner")) == {*PRUNERS, "none"}
    samplers = {name: compose([f"sweep={name}"]).config.sweep.sampler for name in options("sweep")}
    offered = {sampler["_target_"] for sampler in samplers.values() if sampler is not None}
    assert offered == {samplers[name]["_target_"] for name in SAMPLERS}


# With the overrides that make it judge among few, and after how many of nine epochs it ends a trial that falls behind.
PRUNERS: dict[str, tuple[list[str], set[int]]] = {
    "median": (["sweep.pruner.n_startup_trials=1", "sweep.pruner.n_min_trials=1"], {1}),
    "halving": ([], {1}),
    "hyperband": ([], {1, 4, 9}),  # by bracket; the first in one has nobody to fall behind
    "patient": ([], {4}),
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", PRUNERS)
def test_a_pruner_ends_what_falls_behind_and_nothing_else(name: str, tmp_path: Path) -> None:
    overrides, ends = PRUNERS[name]
    config = compose(["sweep=tpe", f"sweep/pruner={name}", "trainer.max_epochs=9", *overrides]).config

    def play(job: Any, _: int) -> list[float]:
        """The first rises; the others start worse, each more than the last, and fall."""
        number = int(job.name)
        return [0.3 - 0.01 * number + (0.05 if number == 0 else -0.001) * epoch for epoch in range(9)]

    pruner = build.factory(config, "sweep.pruner")()
    (first, *others), _ = perform(tmp_path, play, space="a=range(0,12)", num_trials=12, num_workers=1, pruner=pruner)
    assert first["state"] == "finished"
    assert {record["steps"] for record in others} == {10 * epochs for epochs in ends}
