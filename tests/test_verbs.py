"""`iolaus VERB RUN` rebuilds everything from the folder alone, wherever the folder is."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from iolaus.verbs.predictions import write
from tests.conftest import Command


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture
def digits_run(command: Command, tmp_path: Path) -> Path:
    result = command("run_dir=run", "trainer.max_epochs=2")
    assert result.returncode == 0, result.stderr
    return tmp_path / "run"


def test_evaluating_again_gives_the_same(fresh_command: Command, digits_run: Path, tmp_path: Path) -> None:
    moved = digits_run.rename(tmp_path / "moved")
    result = fresh_command("evaluate", "moved", "data.batch_size=50", verb=True)
    assert result.returncode == 0, result.stderr
    first, again = (json.loads((moved / path / "summary.json").read_text()) for path in (".", "evaluate/digits"))
    assert again["test/accuracy"] == pytest.approx(first["test/accuracy"])
    assert again["test/loss"] == pytest.approx(first["test/loss"], rel=1e-5)
    assert (moved / "evaluate" / "digits" / "confusion.png").exists()
    assert result.stdout.splitlines()[-1] == "moved/evaluate/digits"


def test_what_concerns_tests_alone_may_be_another(command: Command, digits_run: Path) -> None:
    result = command("evaluate", "run", "task.mirror=true", verb=True)
    assert result.returncode == 0, result.stderr
    first, mirrored = (
        json.loads((digits_run / path / "summary.json").read_text()) for path in (".", "evaluate/digits")
    )
    assert mirrored["test/accuracy"] < first["test/accuracy"]  # digits mean something else in a mirror


def test_a_run_without_its_summary_is_refused_in_one_sentence(command: Command, digits_run: Path) -> None:
    (digits_run / "summary.json").unlink()
    shutil.copytree(digits_run, digits_run.with_name("copy"))
    for arguments in (["evaluate", "run"], ["ensemble", "copy", "run"]):
        result = command(*arguments, verb=True)
        assert result.returncode == 2
        assert "summary.json is missing, or does not say the run's data" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    result = command("init_from=run", "trainer.max_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "is without a summary.json, not finished" in result.stdout


def test_a_debug_run_says_that_it_keeps_no_weights(command: Command) -> None:
    assert command("trainer=debug", "run_dir=debug").returncode == 0
    for arguments, verb in (
        (["evaluate", "debug"], True),
        (["init_from=debug"], False),
        (["resume=debug"], False),
        (["resume=debug", "trainer.max_epochs=20"], False),
    ):
        result = command(*arguments, verb=verb)
        assert result.returncode == 2
        assert "a debug run keeps no weights" in result.stderr
        assert "without trainer=debug" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_rows_are_written_to_csv_and_json_alone(tmp_path: Path) -> None:
    rows = [{"name": "one", "prediction": 3}]
    for output, expected in (
        (tmp_path / "rows.xlsx", "a .csv or a .json file"),
        (tmp_path / "rows", "a .csv or a .json file"),
        (tmp_path / "nowhere" / "rows.csv", "there is no folder .*nowhere"),
    ):
        with pytest.raises(ValueError, match=expected):
            write(rows, output)
        assert not output.exists()
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match="cannot be written"):
        write(rows, tmp_path / "folder.csv")
    write(rows, tmp_path / "ROWS.JSON")
    assert json.loads((tmp_path / "ROWS.JSON").read_text()) == rows


def test_evaluating_on_what_the_model_cannot_read_is_refused(command: Command, digits_run: Path) -> None:
    for overrides, expected in (
        (["data=reviews"], "Text"),
        (["model.dim=3"], "data, trainer, task.mirror only, not of model.dim"),
        (["data=x"], "no data x"),
    ):
        result = command("evaluate", "run", *overrides, verb=True)
        assert result.returncode == 2
        assert expected in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert not (digits_run / "evaluate").exists()


@pytest.mark.usefixtures("digits_run")
def test_pictures_are_classified(command: Command, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("one.png", "two.png"):
        Image.new("L", (20, 20), 128).save(tmp_path / "pictures" / name)
    result = command("predict", "run", "--input", "pictures", verb=True)
    assert result.returncode == 0, result.stderr
    rows = _rows(result.stdout)
    assert [row["name"] for row in rows] == ["one.png", "two.png"]
    for row in rows:
        shares = {name: float(row[name]) for name in "0123456789"}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert row["prediction"] == max(shares, key=lambda name: shares[name])
    result = command("predict", "run", "--input", "pictures/one.png", "--output", "one.json", verb=True)
    assert result.stdout == "1 rows in one.json\n"
    (row,) = json.loads((tmp_path / "one.json").read_text())
    assert row["prediction"] == rows[0]["prediction"]
    result = command("predict", "run", "--input", "nothing.png", verb=True)
    assert result.returncode == 2
    assert "nothing.png" in result.stderr


def test_texts_are_classified(command: Command, tmp_path: Path) -> None:
    run = command("run_dir=run", "data=reviews", "trainer.max_epochs=1", "+trainer.limit_train_batches=20")
    assert run.returncode == 0, run.stderr
    (tmp_path / "mine.csv").write_text('text\n"The plot is dull, but the acting shines."\nwords it never saw\n')
    rows = _rows(command("predict", "run", "--input", "mine.csv", verb=True).stdout)
    assert len(rows) == 2
    assert {row["prediction"] for row in rows} <= {"positive", "negative"}


def test_series_are_forecast_in_their_own_units(command: Command, tmp_path: Path) -> None:
    lines = [f"2024-{1 + day // 28:02d}-{1 + day % 28:02d},{1000 + day % 7}" for day in range(28 * 12)]
    (tmp_path / "sales.csv").write_text("day,sales\n" + "\n".join(lines) + "\n")
    options = ("data=series", "data.root=sales.csv", "data.gaps=forward", "data.lookback=28", "data.horizon=7")
    run = command("run_dir=run", *options, "trainer.max_epochs=3")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "run" / "forecast.png").exists()
    rows: list[dict[str, Any]] = _rows(command("predict", "run", "--input", "sales.csv", verb=True).stdout)
    assert [row["date"][:10] for row in rows] == [f"2024-12-{day}" for day in range(29, 32)] + [
        f"2025-01-0{day}" for day in range(1, 5)
    ]
    assert all(990 < float(row["sales"]) < 1020 for row in rows)


def test_a_config_that_names_what_may_not_be_built_is_refused(command: Command, digits_run: Path) -> None:
    config = yaml.safe_load((digits_run / "config.yaml").read_text())
    config["loss"] = {"_target_": "os.system", "command": "touch pwned"}
    (digits_run / "config.yaml").write_text(yaml.safe_dump(config))
    result = command("predict", "run", "--input", ".", verb=True)
    assert result.returncode == 2
    assert "os.system" in result.stderr
    assert not (digits_run.parent / "pwned").exists()


def test_the_doctor_knows_what_is_there(fresh_command: Command, tmp_path: Path) -> None:
    (tmp_path / "ETT-small").mkdir()
    (tmp_path / "ETT-small" / "ETTh1.csv").write_text("")
    result = fresh_command("doctor", verb=True, IOLAUS_DATA=str(tmp_path))
    assert result.returncode == 0, result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("  ")}
    assert "built in" in lines["digits"]
    assert "at " in lines["etth1"]
    assert "missing" in lines["etth2"]
    assert "yours" in lines["texts"]
    assert lines["torch"].split()[1][0].isdigit()
