"""Runs that are interrupted end as the one that nothing happened to. The whole matrix is in torture.py."""

import json
from pathlib import Path

import pytest

from tests.faults import choices
from tests.faults.compare import differences
from tests.faults.drill import Drill
from tests.faults.fault import Fault
from tests.faults.matrix import Case, case, cases, met_pairs, strike_of
from tests.faults.torture import tortured
from tests.forks import Forks

_TINY = (
    *("model.dim=16", "data.batch_size=100", "trainer=cpu", "trainer.max_epochs=2"),
    "callbacks.checkpoint.every_n_steps=3",
)


@pytest.fixture(scope="module")
def run(forks: Forks) -> Drill:
    return Drill(forks)


def _killed_in_saves(*operations: int) -> list[Fault]:
    return [Fault("SIGKILL", "save", 2 + number, operation) for number, operation in enumerate(operations)]


@pytest.mark.parametrize(
    "tried",
    [
        case(*_killed_in_saves(1, 4, 6, 8), model="mlp", scheduler="plateau", stopping="early"),
        case(
            Fault("SIGKILL", "between batches", 1),
            Fault("SIGTERM", "validation", 3),
            Fault("exception", "epoch end", 4),
            model="cnn",
            augmentation="mixup",
            optimizer="muon",
            scheduler="onecycle",
            average="moving",
            accumulation="two batches",
            precision="bfloat16",
        ),
        case(
            Fault("SIGKILL", "first step"),
            Fault("full disk", "save", 3, 1),
            Fault("SIGINT", "train step", 9),
            model="bert",
            data="reviews",
            task="masked language model",
            finetune="gradual",
        ),
        case(
            Fault("SIGTERM", "validation", 3),
            Fault("SIGKILL", "test"),
            model="dlinear",
            data="co2",
            optimizer="sgd",
            validation="within epochs",
        ),
        case(
            Fault("SIGKILL", "save", 3, 8),  # the step's checkpoint is whole: what belongs to it has to be there
            Fault("SIGKILL", "train step", 4),
            Fault("SIGTERM", "validation", 4),
            model="mlp",
            scheduler="cosine_restarts",
            average="moving",
            accumulation="two batches",
        ),
        case(Fault("lost rank", "train step", 4, rank=1), processes="two", model="mlp", accumulation="two batches"),
    ],
    ids=str,
)
def test_an_interrupted_run_ends_as_the_one_that_was_not(run: Drill, tried: Case, tmp_path: Path) -> None:
    result = tortured(run, tried, tmp_path / "case")
    assert (result["verdict"], result["corrupt"]) == ("exact", 0), result
    assert len(result["struck"]) == len(tried.faults)


def test_the_cases_cover_every_pair() -> None:
    chosen = cases()
    assert chosen == cases()
    strikes = [[strike_of(fault.kind, fault.phase) for fault in case.faults] for case in chosen]
    met, possible = met_pairs(list(zip(chosen, strikes, strict=True)))
    assert met == possible > 2000
    halfway = len(chosen) // 2
    met, _ = met_pairs(list(zip(chosen[:halfway], strikes, strict=False)))
    assert met > 0.7 * possible  # those that tell the most come first
    assert {dict(case.chosen)["model"] for case in chosen} == {*choices.FACTORS["model"]}


def test_the_same_command_twice_gives_the_same_bits(run: Drill, tmp_path: Path) -> None:
    for name in ("one", "other"):
        ended = run([*_TINY, "model.dropout=0.5", f"run_dir={name}"], tmp_path)
        assert ended.code == 0, ended.output
    assert differences(tmp_path / "one", tmp_path / "other") == []
    ended = run([*_TINY, "model.dropout=0.5", "run_dir=third", "seed=1"], tmp_path)
    assert len(differences(tmp_path / "one", tmp_path / "third")) > 10  # so that equal says something


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(run: Drill, tmp_path: Path) -> None:
    run([*_TINY, "run_dir=whole"], tmp_path)
    run([*_TINY, "run_dir=struck"], tmp_path, Fault("SIGKILL", "train step", 10))
    last = tmp_path / "struck" / "checkpoints" / "last.ckpt"
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    ended = run(["resume=struck"], tmp_path)
    assert f"warning: {last} is damaged" in ended.output
    assert differences(tmp_path / "whole", tmp_path / "struck") == []


def test_one_command_starts_goes_on_and_leaves_the_finished_alone(run: Drill, tmp_path: Path) -> None:
    command = [*_TINY, "run_dir=run", "resume=auto"]
    assert run(command, tmp_path, Fault("SIGKILL", "train step", 8)).code == -9
    refused = run([*command, "data.batch_size=50"], tmp_path)
    assert refused.code == 2
    assert "the run began with data.batch_size=100, so it cannot go on with data.batch_size=50" in refused.output
    assert run(command, tmp_path).code == 0
    again = run(command, tmp_path)
    assert (again.code, again.output) == (0, "run is finished.\n")
    ended = run(["resume=run", "resume.force=true", "data.batch_size=50", "trainer.max_epochs=3"], tmp_path)
    assert ended.code == 0, ended.output
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["forced"] == ["data.batch_size: 100 → 50"]
    alone = run([*_TINY, "resume=auto"], tmp_path)
    assert alone.code == 2
    assert "type run_dir=FOLDER too" in alone.output


def test_other_data_under_the_same_name_are_refused(run: Drill, tmp_path: Path) -> None:
    table = tmp_path / "load.csv"
    rows = [f"2024-01-{day:02}T{hour:02}:00,{(7 * day + hour) % 13}" for day in range(1, 29) for hour in range(24)]
    table.write_text("\n".join(["date,load", *rows]))
    options = ("data=series", "data.root=load.csv", "data.lookback=24", "data.horizon=6", "data.batch_size=32")
    command = [*options, "model.dim=8", "trainer.max_epochs=2", "callbacks.checkpoint.every_n_steps=3"]
    run([*command, "run_dir=run"], tmp_path, Fault("SIGKILL", "train step", 7))
    table.write_text("\n".join(["date,load", *rows[:50], rows[50] + ".5", *rows[51:]]))
    refused = run(["resume=run"], tmp_path)
    assert refused.code == 2
    assert "the training data are not those that the run began with" in refused.output
    assert run(["resume=run", "resume.force=true"], tmp_path).code == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["forced"] == ["the training data"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of W&B's own
def test_a_killed_run_goes_on_as_the_same_run_of_wandb(run: Drill, tmp_path: Path) -> None:
    command = [*_TINY, "logger=wandb", "logger.wandb.num_predictions=0", "run_dir=run", "resume=auto"]
    assert run(command, tmp_path, Fault("SIGKILL", "train step", 20)).code == -9
    ended = run(command, tmp_path)
    assert ended.code == 0, ended.output
    records = [path.name.rpartition("-")[2] for path in (tmp_path / "run" / "wandb").glob("offline-run-*")]
    assert len(records) == 2
    assert len(set(records)) == 1  # `wandb sync` joins what has one id


def test_a_finished_run_that_is_started_again_stays_as_it_is(run: Drill, tmp_path: Path) -> None:
    command = [*_TINY, "run_dir=finished", "resume=auto"]
    assert run(command, tmp_path).code == 0
    left = sorted(path.name for path in (tmp_path / "finished").iterdir())
    again = run(command, tmp_path)
    assert (again.code, again.output) == (0, "finished is finished.\n")
    assert sorted(path.name for path in (tmp_path / "finished").iterdir()) == left
