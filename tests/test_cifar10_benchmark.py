"""The comparison on CIFAR-10: what is finished is not run again, what was stopped goes on, curves have minutes."""

import json
from pathlib import Path
from typing import Any

import pytest

from iolaus.config.compose import compose, options
from tests.conftest import REPOSITORY

LOG = """\
the model has 272,474 parameters
epoch   1/1000  val/loss 1.2000  val/accuracy 0.4000  train/accuracy 0.3000  (30.0 s)
epoch   2/1000  val/loss 1.0000  val/accuracy 0.6000  train/accuracy 0.5000  (90.0 s)
"""
METRICS = "epoch,step,step/loss,val/accuracy\n0,49,2.3,\n0,99,,0.4\n1,149,2.0,\n1,199,,0.6\n"


@pytest.fixture
def cifar10(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import cifar10

    return cifar10


def run_of(folder: Path, status: str) -> None:
    folder.mkdir(parents=True)
    found = {"status": status, "num_parameters": 272_474, "test/accuracy": 0.61, "fit_seconds": 121.0}
    (folder / "summary.json").write_text(json.dumps(found))
    (folder / "run.log").write_text(LOG)
    (folder / "metrics.csv").write_text(METRICS)


def test_every_network_has_an_experiment_with_the_same_recipe(cifar10: Any) -> None:
    assert set(cifar10.EXPERIMENTS.values()) == {name for name in options("experiment") if "cifar10_timed" in name}
    first = compose(["experiment=cifar10_timed"]).config
    for network, experiment in cifar10.EXPERIMENTS.items():
        composed = compose([f"experiment={experiment}"])
        assert composed.choices["model"] == network
        for group in ("trainer", "optimizer", "scheduler", "loss", "callbacks", "data"):
            assert composed.config[group] == first[group]


def test_runs_what_is_missing_and_goes_on_where_it_was_stopped(
    cifar10: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked_for: list[list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["cifar10.py", str(tmp_path), "--networks", "resnet,vgg,vit", "seed=3"])
    run_of(tmp_path / "resnet", "finished")
    run_of(tmp_path / "vgg", "interrupted")
    cifar10.main()
    assert asked_for == [
        [f"experiment=cifar10_timed_{name}", "seed=3", f"run_dir={tmp_path}/{name}", "resume=auto"]
        for name in ("vgg", "vit")
    ]
    assert "| resnet | 0.27 M | 2 | 61.00 % | 121 s |" in capsys.readouterr().out
    assert (tmp_path / "cifar10.png").stat().st_size > 5_000


def test_a_curve_has_minutes_since_the_start(cifar10: Any, tmp_path: Path) -> None:
    run_of(tmp_path / "resnet", "finished")
    minutes, accuracies = cifar10.curve(tmp_path / "resnet")
    assert minutes == [0.5, 2.0]
    assert accuracies == [0.4, 0.6]
