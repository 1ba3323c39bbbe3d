"""`iolaus ensemble`: how answers are joined, what is reported, and which runs do not belong together."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression

from iolaus.folder.run_folder import open_run
from iolaus.verbs.combining import average, stacked, vote
from iolaus.verbs.ensemble import ensemble
from tests.conftest import Command
from tests.forks import Forks

_EVERY = ("trainer=cpu", "model.dim=8", "trainer.max_epochs=1")
_RUNS: dict[str, tuple[str, ...]] = {
    "digits-0": ("seed=0", "data.seed=0", "trainer.max_epochs=3"),
    "digits-1": ("seed=1", "data.seed=0", "trainer.max_epochs=3"),
    "digits-2": ("seed=2", "trainer.max_epochs=3"),  # other pictures for validation
    "sums-0": ("data=sums", "seed=0", "model=cnn"),
    "sums-1": ("data=sums", "seed=1", "model=mlp"),  # another scale of the numbers
    "co2-0": ("data=co2",),
    "co2-1": ("data=co2", "data.lookback=48"),  # other windows, of the same future
    "reviews-0": ("data=reviews", "seed=0", "+trainer.limit_train_batches=20"),
    "reviews-1": ("data=reviews", "seed=1", "data.vocab_size=50", "+trainer.limit_train_batches=20"),
}


@pytest.fixture(scope="module")
def folder(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, options in _RUNS.items():
        ended = forks([*_EVERY, *options, f"run_dir={name}"], folder)
        assert ended.code == 0, ended.output
    return folder


@pytest.fixture
def joined(folder: Path) -> Callable[..., dict[str, Any]]:
    return lambda *names, **options: ensemble([open_run(folder / name) for name in names], **options)


def probabilities(num: int, seed: int) -> torch.Tensor:
    return torch.randn(num, 3, generator=torch.Generator().manual_seed(seed)).softmax(1)


def test_the_vote_is_of_the_majority_and_else_of_the_mean() -> None:
    answers = [[0.6, 0.4, 0.0], [0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7]]
    three, four = ([torch.tensor([answer]) for answer in answers[:num]] for num in (3, 4))
    assert vote(three).argmax(1) == 0  # though the mean has it otherwise
    assert average(three).argmax(1) == 1
    assert vote([three[0], three[2]]).argmax(1) == 1  # one each
    assert vote(four).sum().item() == pytest.approx(1)


def test_classes_are_stacked_as_scikit_learn_does_it() -> None:
    learned, others = ([probabilities(60, seed), probabilities(60, seed + 1)] for seed in (0, 2))
    targets = torch.arange(60) % 2  # nothing of the third class
    output = stacked(learned, targets)(others)
    model = LogisticRegression(max_iter=1000).fit(torch.cat(learned, 1).double().numpy(), targets.numpy())
    expected = torch.from_numpy(model.predict_proba(torch.cat(others, 1).double().numpy())).float()
    torch.testing.assert_close(output[:, :2], expected)
    assert (output[:, 2] == 0).all()
    with pytest.raises(ValueError, match="of one class"):
        stacked(learned, torch.zeros(60).long())


def test_values_are_stacked_with_weights_that_are_not_negative() -> None:
    one, two, bad = torch.randn(3, 50, 4, 2, generator=torch.Generator().manual_seed(0))
    targets = 0.3 * one + 0.6 * two - 0.5 * bad
    combined = stacked([one, two, bad], targets)([one, two, bad])
    columns = torch.stack([one.flatten(), two.flatten(), bad.flatten()], 1).double().numpy()
    model = LinearRegression(positive=True, fit_intercept=False).fit(columns, targets.flatten().numpy())
    assert (model.coef_ >= 0).all()
    torch.testing.assert_close(combined.flatten(), torch.from_numpy(model.predict(columns)).float())


def test_stacked_values_follow_a_level_that_nobody_has_seen() -> None:
    good, bad = torch.randn(2, 50, 4, 2, generator=torch.Generator().manual_seed(0))
    combine = stacked([good + 5, bad + 5], good + 5)
    torch.testing.assert_close(combine([good + 50, bad + 50]), good + 50, rtol=0.05, atol=0.0)


def test_the_average_of_two_runs_and_what_it_gains(
    forks: Forks, joined: Callable[..., dict[str, Any]], folder: Path
) -> None:
    ended = forks(["ensemble", "digits-0", "digits-1"], folder, verb=True)
    assert ended.code == 0, ended.output
    summary = json.loads((folder / "digits-0/ensemble/average/summary.json").read_text())
    single = [json.loads((folder / name / "summary.json").read_text()) for name in ("digits-0", "digits-1")]
    assert [member["test/accuracy"] for member in summary["members"]] == pytest.approx(
        [each["test/accuracy"] for each in single], abs=1e-6
    )
    with (folder / "digits-0/ensemble/average/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 359
    accuracy = sum(row["prediction"] == row["right"] for row in rows) / len(rows)
    assert summary["test/accuracy"] == pytest.approx(accuracy, abs=1e-6)
    best = max(each["test/accuracy"] for each in single)
    assert summary["gain_over_best"] == pytest.approx(accuracy - best, abs=1e-6)
    table, place = ended.stdout.split("\n\n")
    assert "average of 2" in table
    assert f"{summary['gain_over_mean']:+.4f}" in table
    assert place.strip() == "digits-0/ensemble/average"
    again = joined("digits-0", "digits-1")  # to a folder of its own
    assert again["folder"].endswith("average-2")
    assert again["test/accuracy"] == summary["test/accuracy"]


def test_a_stack_learns_from_samples_that_nobody_was_trained_on(joined: Callable[..., dict[str, Any]]) -> None:
    summary = joined("digits-0", "digits-1", by="stack")
    assert summary["test/accuracy"] > 0.5
    with pytest.raises(ValueError, match="--by stack learns from the validation samples"):
        joined("digits-0", "digits-2", by="stack")
    joined("digits-0", "digits-2", by="vote")  # which learns nothing


@pytest.mark.parametrize("names", [("sums-0", "sums-1"), ("co2-0", "co2-1")], ids=str)
def test_values_are_joined_on_one_scale(joined: Callable[..., dict[str, Any]], names: tuple[str, str]) -> None:
    summary = joined(*names)
    first, second = (member["test/mse"] for member in summary["members"])
    assert summary["gain_over_best"] == pytest.approx(min(first, second) - summary["test/mse"])
    assert summary["test/mse"] <= (first + second) / 2 + 1e-6  # as squares of a mean are
    with pytest.raises(ValueError, match="--by vote takes classes"):
        joined(*names, by="vote")


def test_forecasts_are_written_in_the_units_of_the_data(joined: Callable[..., dict[str, Any]]) -> None:
    summary = joined("co2-0", "co2-1")
    with (Path(summary["folder"]) / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0].keys() == {"window", "step", "co2", "co2 (right)"}
    assert all(300 < float(row["co2 (right)"]) < 400 for row in rows)


def test_the_tokenizer_may_be_another(joined: Callable[..., dict[str, Any]]) -> None:
    assert joined("reviews-0", "reviews-1")["test/accuracy"] > 0.4


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("digits-0",), "takes two runs or more"),
        (("digits-0", "digits-0"), "named twice"),
        (("digits-0", "reviews-0"), "digits-0 with 10 classes"),
        (("digits-0", "sums-0"), "answers with Number"),
    ],
    ids=str,
)
def test_runs_that_do_not_belong_together_are_told_apart(
    joined: Callable[..., dict[str, Any]], names: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        joined(*names)


def test_runs_that_were_tested_on_other_samples_are_refused(command: Command, tmp_path: Path) -> None:
    """Though the labels, in the order of the folders, are the same."""
    from PIL import Image

    for name, shade in (("dark", 0), ("light", 100)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (4, 4), shade + number).save(tmp_path / "pictures" / name / f"{number}.png")
    for seed in (0, 1):
        options = ("data=images", "data.root=pictures", "data.size=4", "data.batch_size=8", f"seed={seed}")
        result = command(*_EVERY, *options, f"run_dir=run-{seed}")
        assert result.returncode == 0, result.stderr
    result = command("ensemble", "run-0", "run-1", verb=True)
    assert result.returncode == 2
    assert "run-1 was tested on other samples than run-0" in result.stderr


def test_vectors_and_quantiles_have_no_mean(command: Command) -> None:
    for name, *options in (("vectors", "task=embed"), ("quantiles", "task=forecast_quantile", "data=co2")):
        assert command("trainer=cpu", "trainer.max_epochs=1", *options, f"run_dir={name}").returncode == 0
    for names in (("vectors", "quantiles"), ("quantiles", "vectors")):
        result = command("ensemble", *names, verb=True)
        assert result.returncode == 2
        assert f"{names[0]} was made by" in result.stderr
        assert "whose answers have no mean" in result.stderr


def test_the_snapshots_of_one_run_are_members(command: Command, tmp_path: Path) -> None:
    options = ("scheduler=cosine_restarts", "scheduler.cycles=3", "callbacks.snapshots.last=3", "optimizer.lr=1e-2")
    assert command("trainer=cpu", "trainer.max_epochs=3", *options, "run_dir=run").returncode == 0
    result = command("ensemble", "run", "--snapshots", verb=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().splitlines()[-1] == "run/ensemble/snapshots-average"
    summary = json.loads((tmp_path / "run/ensemble/snapshots-average/summary.json").read_text())
    assert [member["name"] for member in summary["members"]] == [f"run/snapshots/cycle-{n}.ckpt" for n in (1, 2, 3)]
    assert len({member["test/accuracy"] for member in summary["members"]}) > 1
    assert command("trainer=cpu", "trainer.max_epochs=1", "run_dir=plain").returncode == 0
    refused = command("ensemble", "plain", "--snapshots", verb=True)
    assert refused.returncode == 2
    assert "has kept no snapshots" in refused.stderr
