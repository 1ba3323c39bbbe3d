"""The files that a run was trained on are others now: it does not go on with them, and says so when it is tested."""

import json
import warnings
from pathlib import Path

import pytest

from iolaus.folder.run_folder import RunFolder
from iolaus.verbs.evaluate import evaluate
from tests.forks import Forks

_BEGUN = (
    *("data=series", "data.root=sales.csv", "data.lookback=8", "data.horizon=2", "data.batch_size=16"),
    *("model=dlinear", "trainer=cpu", "trainer.max_epochs=1", "run_dir=run"),
)


def _write(folder: Path, *, first: float) -> Path:
    values = [first, *(float(number % 7) for number in range(1, 200))]
    lines = [f"2024-01-01 00:{number // 60:02}:{number % 60:02},{value}" for number, value in enumerate(values)]
    path = folder / "sales.csv"
    path.write_text("\n".join(["date,sales", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a finished run."""
    folder = tmp_path_factory.mktemp("changed")
    _write(folder, first=0.0)
    ended = forks([*_BEGUN], folder)
    assert ended.code == 0, ended.output
    return folder


def test_it_does_not_go_on_and_stays_finished(forks: Forks, folder: Path) -> None:
    before = (folder / "run" / "summary.json").read_bytes()
    _write(folder, first=3.0)
    ended = forks(["resume=run", "trainer.max_epochs=2"], folder)
    assert ended.code == 2, ended.output
    assert "the training data are not those that the run began with" in ended.output
    assert (folder / "run" / "summary.json").read_bytes() == before
    assert json.loads(before)["status"] == "finished"


@pytest.mark.parametrize(
    ("first", "overrides", "num_said"),
    [
        (3.0, [], 1),
        (3.0, ["data.batch_size=8"], 1),
        (0.0, [], 0),
        (3.0, ["data.root=other.csv"], 0),  # on purpose
    ],
)
def test_its_test_says_so_once(
    folder: Path, first: float, overrides: list[str], num_said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    path = _write(folder, first=first)
    (folder / "other.csv").write_text(path.read_text())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        evaluate(RunFolder(folder / "run"), overrides)
    texts = [str(warning.message) for warning in said]
    assert len([text for text in texts if "have changed since" in text]) == num_said, texts
