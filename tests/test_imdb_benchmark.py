"""The comparison on IMDB: what is finished is not run again, what goes on from another run finds it, NB-SVM reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def imdb(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import imdb

    return imdb


def finish(folder: Path, **values: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps({"status": "finished", "fit_seconds": 10.0} | values))


def test_runs_what_is_missing_and_says_where_to_go_on_from(
    imdb: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked_for: list[list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["imdb.py", str(tmp_path), "--runs", "nbsvm,gru,pretrain,finetune"])
    finish(tmp_path / "nbsvm", **{"test/accuracy": 0.9})
    finish(tmp_path / "gru", **{"test/accuracy": 0.9})
    imdb.main()
    pretrain = ["experiment=imdb_pretrain", f"run_dir={tmp_path}/pretrain", "resume=auto"]
    assert asked_for == [pretrain]  # none is started here: so it has not finished, and nothing can start from it
    assert capsys.readouterr().err == "finetune: starts from pretrain, which has not finished\n"
    finish(tmp_path / "pretrain", **{"test/perplexity": 90.0})
    imdb.main()
    finetune = ["experiment=imdb_finetune", f"init_from={tmp_path}/pretrain", f"run_dir={tmp_path}/finetune"]
    assert asked_for == [pretrain, [*finetune, "resume=auto"]]


def test_the_table_has_a_row_for_each_that_gives_a_verdict(imdb: Any, tmp_path: Path) -> None:
    finish(tmp_path / "nbsvm", **{"test/accuracy": 0.9123})
    finish(tmp_path / "gru", **{"test/accuracy": 0.8, "num_parameters": 12_345, "best_epoch": 2, "num_epochs": 6})
    finish(tmp_path / "pretrain", **{"test/perplexity": 90.0})
    assert imdb.table(tmp_path)[2:] == ["| nbsvm |  |  | 91.23 % | 10 s |", "| gru | 12,345 | 3, 6 | 80.00 % | 10 s |"]
    assert (REPOSITORY / "docs" / "results.md").read_text().count(f"<!-- {imdb.MARK} -->") == 1


def test_the_baseline_reads_pairs_of_words(imdb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"pos": ["not bad", "very good"], "neg": ["not good", "very bad"]}  # no word alone tells them apart
    for part in ("train", "test"):
        for verdict, said in texts.items():
            folder = tmp_path / "aclImdb" / part / verdict
            folder.mkdir(parents=True)
            for number in range(10):
                (folder / f"{number}_1.txt").write_text(f"{said[number % 2]} , number {number}")
    monkeypatch.setenv("IOLAUS_DATA", str(tmp_path))
    imdb.baseline(tmp_path / "runs")
    assert json.loads((tmp_path / "runs" / "nbsvm" / "summary.json").read_text())["test/accuracy"] == 1.0
