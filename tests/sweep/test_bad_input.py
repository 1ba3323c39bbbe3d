"""Whatever is wrong with a sweep is one sentence, before its first trial and before there is a folder."""

import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from iolaus.cli.settle import explain_all, settle_run, settle_sweep
from iolaus.sweep.check import problems_of
from iolaus.sweep.objective import Goal
from tests.conftest import Command
from tests.mistakes import assert_one_sentence

MISTAKES = [
    (["sweep=tpe"], ["nothing to sweep over"]),
    (["sweep=tep", "model.dim=16,32"], ["there is no sweep tep", "did you mean tpe?"]),
    (["sweep/pruner=medain", "model.dim=16,32"], ["sweep/pruner medain", "median"]),
    (["sweep.trails=3", "model.dim=16,32"], ["sweep.trails", "did you mean trials?"]),
    (["sweep.workers=0", "model.dim=16,32"], ["sweep.workers=0", "greater than or equal to 1"]),
    (["sweep.engine=cloud", "model.dim=16,32"], ["sweep.engine=cloud", "'ray'"]),
    (["sweep.timeout=-1", "model.dim=16,32"], ["sweep.timeout=-1", "greater than 0"]),
    (["sweep=tpe", "sweep.sampler.n_startup=1", "model.dim=16,32"], ["n_startup", "did you mean n_startup_trials?"]),
    (["seed=range(0,1000)", "model.dim=range(1,1000)", "model.num_layers=range(1,1001)"], ["999,000,000 points",
        "sweep.trials=100"]),
    (["seed=range(0,1000000000)"], ["range(0,1000000000)", "1,000,000,000 values", "int(interval(…))", "sweep.trials"]),
    (["optimizer.lr=range(0.1,1,1e-10)"], ["9,000,000,000 values", "type interval(…)"]),
    (["seed=range(0,100000)"], ["100,000 points", "sweep.trials=100"]),
    (["sweep=grid", "optimizer.lr=interval(0.1,1)"], ["optimizer.lr", "cannot list an interval", "sweep=tpe"]),
    (["model.dimm=16,32"], ["there is no model.dimm", "did you mean dim?"]),
    (["optimizer.lr=interval(2,1)"], ["optimizer.lr=interval(2,1)", "empty"]),
    (["optimizer.lr=tag(lg,interval(1,2))"], ["no tag lg", "log"]),
    (["model=glob(q*)"], ["model=glob(q*)", "nothing has such a name"]),
    (["optimizer.lr=1e-3,-1"], ["learning rate"]),
    (["seed=1,2", "sweep.seeds=2"], ["sweep.seeds", "seed cannot be swept"]),
    (["sweep=median", "sweep.objective=[val/accuracy,num_parameters]", "model.dim=16,32"], ["one objective only"]),
    (["run_dir=a,b"], ["run_dir", "sweep.dir"]),
    (["run_dir=a", "model.dim=16,32"], ["run_dir", "sweep.dir"]),
    (["model.dim=16,32", "sweep.engine=slurm", "sweep.address=head:1"], ["sweep.address=head:1", "no address"]),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "expected"), MISTAKES, ids=lambda value: " ".join(value))
def test_a_mistake_is_one_sentence_that_names_it(overrides: list[str], expected: list[str]) -> None:
    assert_one_sentence(explain_all(overrides), expected)


def prepared(overrides: list[str]) -> list[str]:
    """What `python train.py -m` says after it has checked its points."""
    from iolaus.cli.settle import _problems
    from iolaus.sweep.command import prepare

    return problems_of(overrides, _problems) or prepare(overrides)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["sweep.workers=4096"], ["sweep.workers=4096", "cores", "type sweep.workers="]),
        (["sweep.storage=postgresql://a:b@nowhere.invalid/x"], ["sweep.storage=postgresql://a:***@", "reached"]),
        (["sweep.objective=test/accuracy"], ["test/accuracy", "spoils it", "val/accuracy"]),
        (["sweep.objective=val/f2:max"], ["val/f2", "no run has such a metric", "val/accuracy", "val/loss"]),
        (["sweep.objective=val/f2"], ["val/f2:min or val/f2:max"]),
        (["sweep.objective=val/loss:low"], ["val/loss:min or val/loss:max"]),
        (["sweep.objective=num_parameters"], ["never learns", "val/accuracy"]),
        (["data=digits,co2"], ["different objectives", "val/accuracy (task=classify)", "(task=forecast)"]),
    ],
    ids=str,
)
def test_what_concerns_the_sweep_as_a_whole(overrides: list[str], expected: list[str]) -> None:
    assert_one_sentence(prepared(["model.dim=16,32", *overrides]), expected)


def test_a_mistake_begins_no_journal(tmp_path: Path) -> None:
    journal = tmp_path / "shared.log"
    assert_one_sentence(prepared(["model.dimm=8,16", f"sweep.storage={journal}"]), ["no model.dimm"])
    assert_one_sentence(prepared(["model.dim=8,16", f"sweep.storage={journal}/x"]), ["its folder does not exist"])
    assert list(tmp_path.iterdir()) == []


def test_a_grid_is_checked_where_its_options_meet() -> None:
    asked: list[list[str]] = []

    def no_problems(overrides: list[str]) -> list[str]:
        asked.append(overrides)
        return []

    assert problems_of(["model.dim=8,16,24", "model.num_layers=1,2", "optimizer.lr=0.1,0.2"], no_problems) == []
    assert {tuple(overrides[:2]) for overrides in asked} == {
        (f"model.dim={dim}", f"model.num_layers={layers}") for dim in (8, 16, 24) for layers in (1, 2)
    }
    assert {overrides[2] for overrides in asked} == {"optimizer.lr=0.1", "optimizer.lr=0.2"}
    assert len(asked) == 7  # of 12


def test_what_is_right_passes() -> None:
    assert prepared(["model.dim=16,32", "sweep.objective=val/loss", "sweep.workers=1"]) == []
    assert prepared(["optimizer=glob(ada*)", "optimizer.lr=tag(log,interval(1e-4,1e-1))", "sweep.trials=3"]) == []
    assert prepared(["model.dim=choice(16,32)", "sweep=nsga2"]) == []
    assert prepared(["+optimizer.foreach=true,false", "model.dim=shuffle(range(8,32,8))"]) == []


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["sweep.cores=2"], "sweep.cores has no effect with sweep.engine=local: .*=ray and sweep.engine=slurm"),
        (["sweep.address=head:6379"], "sweep.address has no effect with sweep.engine=local"),
        (["+sweep.slurm.slurm_partition=gpu"], "sweep.slurm has no effect with sweep.engine=local"),
        (["sweep.engine=ray", "+sweep.slurm.slurm_partition=gpu"], "sweep.slurm has no effect with sweep.engine=ray"),
        (["sweep=tpe", "model.num_layers=shuffle(1,2)"], "model.num_layers=shuffle.* no effect: TPESampler"),
        (["sweep.trials=9"], "sweep.trials=9: the grid has 2 points"),
        (["sweep/pruner=median", "trainer.max_epochs=1"], "sweep/pruner has no effect with trainer.max_epochs=1"),
    ],
    ids=str,
)
def test_what_changes_nothing_is_warned_of(overrides: list[str], expected: str) -> None:
    with pytest.warns(UserWarning, match=expected) as caught:
        assert prepared(["model.dim=16,32", *overrides]) == []
    assert len(caught) == 1


def test_models_that_bring_their_own_data_are_named() -> None:
    with pytest.warns(UserWarning, match=r"different data.*data=digits: model=mlp; data=reviews: model=textcnn"):
        assert prepared(["model=mlp,textcnn"]) == []


def test_a_used_folder_and_a_wrong_resume_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from iolaus.sweep.request import with_stored, write_sweep

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    (problem,) = prepared(["model.dim=16,32", "sweep.dir=mine"])
    assert "sweep.dir=mine is not empty" in problem
    write_sweep(tmp_path / "mine", overrides=["model.dim=16,32", "sweep.trials=2", "sweep.dir=mine"])
    (problem,) = prepared(["model.dim=16,32", "sweep.dir=mine"])
    assert "sweep.resume=mine" in problem
    assert with_stored(["sweep.resume=mine", "sweep.trials=3"]) == [
        "model.dim=16,32", "sweep.resume=mine", "sweep.trials=3",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"optimizer\.lr=1 cannot be added"):
        with_stored(["sweep.resume=mine", "optimizer.lr=1"])
    with pytest.raises(ValueError, match="nowhere is not a sweep's folder"):
        with_stored(["sweep.resume=nowhere"])


def test_a_study_of_another_space_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from iolaus.sweep import command

    engine = Mock()
    monkeypatch.setattr(command, "_engine", lambda *_: engine)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    folder, study = tmp_path / "s", ["model.dim=8,16", f"sweep.storage={tmp_path / 'shared.log'}"]
    command._open_study(command.plan(study), folder, [Goal("val/accuracy", "max")])
    folder.mkdir()
    with pytest.raises(ValueError, match=r"the study s exists already, with another space \(model\.dim: 8, 16\)"):
        command.run(["model.dim=8,32", study[1]], folder)
    engine.close.assert_called_once()
    assert not folder.exists()


@pytest.mark.parametrize("option", ["run_dir", "sweep.dir"])
def test_a_folder_that_cannot_be_made_is_one_sentence(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    swept = ["model.dim=8,16", "sweep.engine=ray"]
    with pytest.raises(SystemExit) as left:
        settle_sweep([*swept, "sweep.dir=file/x"]) if option == "sweep.dir" else settle_run(["run_dir=file/x"])
    assert left.value.code == 2
    (problem,) = capsys.readouterr().err.splitlines()
    assert "cannot be made (Not a directory" in problem
    assert "file/x" in problem


def test_a_run_is_no_sweep(command: Command, tmp_path: Path) -> None:
    for option in ("model=mlp,lstm", "sweep.trials=3"):
        result = command(option, *(["model.dim=16"] if "sweep" not in option else ["model.dim=16,32"]))
        assert result.returncode == 2
        assert "type python train.py -m" in result.stderr
    assert list(tmp_path.iterdir()) == []
