"""What `wandb sync` would bring up: read back from the offline record, and held against metrics.csv."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sklearn.metrics import precision_score, recall_score

from iolaus.loggers.run_logger import Identity
from iolaus.loggers.wandb import WandB, earlier_id
from iolaus.loggers.wandb_tables import confusion, threshold_curve
from tests.loggers.records import curves, wandb_records


def _run_record(run: Path) -> dict[str, Any]:
    (record,) = wandb_records(run)["run"]
    return record


def _config(records: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """All updates of the config, in their order."""
    config: dict[str, Any] = {}
    for record in [records["run"][0].get("config", {}), *records["config"]]:
        config |= record.get("update", {})
    return config


def test_the_runs_of_a_sweep_are_of_one_group_one_each(sweep: Path) -> None:
    first, second = (_run_record(sweep / name) for name in "01")
    assert first["run_id"] != second["run_id"]
    assert [first["display_name"], second["display_name"]] == [f"{sweep.name}/0", f"{sweep.name}/1"]
    assert first["run_group"] == second["run_group"] == sweep.name
    assert first["tags"] == ["digits", "mlp", "classify", "tried"]
    assert second["tags"] == ["digits", "rnn", "classify", "tried"]
    for name in "01":
        records = wandb_records(sweep / name)
        assert records["exit"][0].get("exit_code", 0) == 0
        assert _config(records)["choice"]["model"] == ("mlp", "rnn")[int(name)]
        assert _config(records)["optimizer"]["lr"] > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of W&B's own
def test_each_run_has_its_own_within_one_process(tmp_path: Path) -> None:
    for name, loss in (("a", 1.0), ("b", 2.0)):
        (tmp_path / name).mkdir()
        logger = WandB(Identity(tmp_path / name))
        logger.log_metrics({"train/loss": loss}, step=0)
        logger.close({"status": "finished"})
    first, second = (wandb_records(tmp_path / name) for name in "ab")
    assert first["run"][0]["run_id"] != second["run"][0]["run_id"]
    assert len(first["history"]) == len(second["history"]) == 1


def test_the_offline_record_says_what_metrics_csv_says(sweep: Path) -> None:
    for run in (sweep / "0", sweep / "1"):
        written = curves(run)
        recorded: dict[str, dict[int, float]] = {}
        for history in wandb_records(run)["history"]:
            row = history["values"] if "values" in history else history["item"]
            for name, value in row.items():
                if isinstance(value, int | float) and name in written:
                    recorded.setdefault(name, {})[int(row["trainer/global_step"])] = value
        assert recorded.keys() == written.keys() != set()
        for name, points in written.items():
            assert recorded[name] == pytest.approx(points), name


def test_the_summary_is_of_the_best_epoch(sweep: Path) -> None:
    said = json.loads((sweep / "0" / "summary.json").read_text())
    summary: dict[str, Any] = {}
    for record in wandb_records(sweep / "0")["summary"]:
        summary |= record.get("update", record)
    assert summary["val/accuracy"] == pytest.approx(said["val/accuracy"])
    assert summary["test/accuracy"] == pytest.approx(said["test/accuracy"])
    assert summary["status"] == "finished"


def test_checkpoints_are_artifacts_and_wait_in_the_folder(sweep: Path) -> None:
    artifacts = {record["type"]: record for record in wandb_records(sweep / "0")["artifact"]}
    model = artifacts["model"]
    (content,) = model["manifest"]["contents"]
    assert content["path"] == "best.ckpt"
    assert "best" in model["aliases"]
    staged = Path(content["local_path"])
    assert staged.is_relative_to(sweep / "0")
    assert staged.read_bytes() == (sweep / "0" / "checkpoints" / "best.ckpt").read_bytes()
    metadata = json.loads(model["metadata"])
    assert metadata["run"] == f"{sweep.name}/0"
    assert metadata["val/accuracy"] > 0
    assert not (sweep.parents[2] / ".local").exists()


def test_predictions_have_pictures_and_the_confusion_matrix_counts_every_sample(sweep: Path) -> None:
    files = next((sweep / "0" / "wandb").glob("offline-run-*/files/media/table/test"))
    (path,) = files.glob("predictions*")
    table = json.loads(path.read_text())
    assert len(table["data"]) == 8
    assert table["columns"][:4] == ["sample", "truth", "prediction", "is right"]
    artifact = next(a for a in wandb_records(sweep / "0")["artifact"] if "predictions" in str(a["manifest"]))
    pictures = [c["local_path"] for c in artifact["manifest"]["contents"] if c["path"].endswith(".png")]
    assert pictures
    assert all(Path(picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
    (path,) = files.glob("confusion*")
    cells = json.loads(path.read_text())["data"]
    written = (sweep / "0" / "confusion.csv").read_text().splitlines()[1:]
    assert [cell[2] for cell in cells] == [int(count) for line in written for count in line.split(",")[1:]]


def test_a_resumed_run_goes_on_in_its_own(sweep: Path, tmp_path: Path) -> None:
    assert earlier_id(sweep / "0") == _run_record(sweep / "0")["run_id"]
    assert earlier_id(tmp_path) is None
    assert WandB(Identity(sweep / "0"))._wandb_init["id"] == earlier_id(sweep / "0")


@pytest.mark.parametrize(
    ("status", "code"), [("finished", 0), ("pruned", 0), ("failed", 1), ("interrupted", 255)], ids=lambda value: value
)
def test_how_it_ended_is_told(status: str, code: int, tmp_path: Path) -> None:
    logger = WandB(Identity(tmp_path, {"data": "digits", "model": "mlp"}))
    ended: list[int] = []
    run = SimpleNamespace(summary={}, tags=("digits", "mlp"), finish=lambda exit_code: ended.append(exit_code))
    logger._experiment = run  # type: ignore[assignment]
    logger.close({"status": status, "val/accuracy": 0.5})
    assert ended == [code]
    assert run.tags == (("digits", "mlp") if status == "finished" else ("digits", "mlp", status))
    assert run.summary == {"val/accuracy": 0.5, "status": status}


def test_curves_agree_with_scikit_learn() -> None:
    torch.manual_seed(0)
    shares, is_true = torch.rand(500), torch.rand(500) < 0.3
    for place, threshold in ((30, 0.7), (50, 0.5)):
        point = threshold_curve(shares, is_true)[place]
        said = shares >= threshold
        assert point["precision"] == pytest.approx(precision_score(is_true, said))
        assert point["recall"] == pytest.approx(recall_score(is_true, said))
        assert point["fpr"] == pytest.approx(float((said & ~is_true).sum() / (~is_true).sum()))
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert confusion(probabilities, torch.tensor([0, 1, 1])).tolist() == [[1, 0], [1, 1]]
