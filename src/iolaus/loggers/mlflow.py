"""MLflow: each run in a local database, without a server and without a network."""

import importlib.util
import logging
import os
import time
import warnings
from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock
from lightning.pytorch.utilities import rank_zero_only

from iolaus.loggers.run_logger import Identity, RunLogger, hyperparameters, results

_MISSING = 'logger=mlflow needs the package mlflow-skinny: pip install -c constraints.txt -e ".[mlflow]".'
_STATUSES = {"finished": "FINISHED", "pruned": "FINISHED", "interrupted": "KILLED"}
# A server that is away must not hold up a run's end; left alone, MLflow would ask for many minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_MAX_PARAMS_PER_CALL, _MAX_PARAM_LENGTH = 100, 500  # MLflow's own limits


class MLflow(RunLogger):
    """One MLflow run, named after its folder.

    Lightning's own logger marks the run finished after every fit and test, and opens the database when it is built,
    which happens before it is known whether the command is right.

    uri: where runs are tracked: a database file, or a server's address.
    experiment: that the runs are listed under; the runs of a sweep have the tag `group` in common.
    """

    def __init__(
        self, identity: Identity, *, uri: str = "sqlite:///outputs/mlflow.db", experiment: str = "iolaus"
    ) -> None:
        super().__init__()
        if importlib.util.find_spec("mlflow") is None:
            raise ValueError(_MISSING)
        # Of how MLflow sets its tables up. For good, because what is caught in a thread is caught from all of them.
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
        self._identity = identity
        self._uri = uri
        self._experiment = experiment

    @property
    def name(self) -> str:
        return self._experiment

    @property
    def version(self) -> str:
        return self._identity.name

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        from mlflow.entities import Param

        config = params if isinstance(params, dict) else vars(params)
        flat = hyperparameters(config, self._identity.choices)
        entries = [Param(key, str(value)[:_MAX_PARAM_LENGTH]) for key, value in flat.items()]
        for start in range(0, len(entries), _MAX_PARAMS_PER_CALL):
            self._client.log_batch(self._run_id, params=entries[start : start + _MAX_PARAMS_PER_CALL])

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)  # milliseconds
        entries = [Metric(key, float(value), now, step or 0) for key, value in metrics.items() if key != "epoch"]
        self._client.log_batch(self._run_id, metrics=entries)

    def close(self, summary: dict[str, Any]) -> None:
        if "_run_id" not in vars(self):  # nothing was ever logged
            return
        for name, value in results(summary).items():
            if name.startswith("val/"):  # of the best epoch; the curve's last value is of the last
                self._client.log_metric(self._run_id, f"best/{name.removeprefix('val/')}", value)
        self._client.set_terminated(self._run_id, _STATUSES.get(summary.get("status", ""), "FAILED"))

    @cached_property
    def _client(self) -> Any:
        from mlflow.tracking import MlflowClient

        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        with self._alone():
            return MlflowClient(self._uri)

    @cached_property
    def _run_id(self) -> str:
        identity = self._identity
        tags = {key: choice for key, choice in identity.choices.items() if choice}
        tags |= {"folder": str(identity.folder)} | ({"group": identity.group} if identity.group else {})
        client = self._client
        with self._alone():
            experiment_id = self._experiment_id()
        return client.create_run(experiment_id, tags=tags, run_name=identity.name).info.run_id

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        return found.experiment_id if found else self._client.create_experiment(self._experiment)

    def _alone(self) -> AbstractContextManager[Any]:
        """The trials of a sweep begin together, and two that set up one database file would be in each other's way."""
        if not self._uri.startswith("sqlite:///"):
            return nullcontext()
        path = Path(self._uri.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{path}.lock")
