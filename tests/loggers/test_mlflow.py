"""MLflow's own client finds the runs in the database that they were written to."""

import json
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.loggers.records import curves


@pytest.mark.filterwarnings("ignore")  # of MLflow's own
def test_every_run_is_in_the_database_with_its_params_and_metrics(sweep: Path) -> None:
    client = MlflowClient(f"sqlite:///{sweep.parents[1]}/mlflow.db")
    experiment = client.get_experiment_by_name("iolaus")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert runs.keys() == {f"{sweep.name}/0", f"{sweep.name}/1"}
    for name, model in (("0", "mlp"), ("1", "rnn")):
        run = runs[f"{sweep.name}/{name}"]
        assert run.info.status == "FINISHED"
        assert run.data.params["model"] == model
        assert float(run.data.params["optimizer.lr"]) > 0
        assert run.data.tags["group"] == sweep.name
        said = json.loads((sweep / name / "summary.json").read_text())
        assert run.data.metrics["best/accuracy"] == pytest.approx(said["val/accuracy"])
        written = curves(sweep / name)["val/loss"]
        read = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, "val/loss")}
        assert read == pytest.approx(written)
