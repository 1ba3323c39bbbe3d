"""metrics.csv in the run's folder: always on, whatever other loggers are chosen."""

import csv
import io
import itertools
import os
from argparse import Namespace
from typing import Any

from iolaus import durable
from iolaus.loggers.run_logger import Identity, RunLogger


class MetricsCSV(RunLogger):
    """Writes metrics.csv: one row per logged step, one column per metric.

    The row of an epoch is written when its last metrics, those of training, have come; every other when the next
    begins. Its state says how far the file has come, and what is still to be written: a run that goes on from a
    checkpoint cuts off what came after it. Any other begins the file anew.
    """

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self._path = identity.folder / "metrics.csv"
        self._columns = ["epoch", "step"]
        self._num_rows = 0
        self._row: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        """Comes back when the rows it counts have reached the disk."""
        if self._num_rows:
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
        return {"columns": list(self._columns), "num_rows": self._num_rows, "row": dict(self._row)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._columns, self._num_rows, self._row = list(state["columns"]), state["num_rows"], dict(state["row"])
        if self._num_rows:
            self._rewrite()

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if step != self._row.get("step"):
            self._write()
        self._row |= {"step": step} | {name: float(value) for name, value in metrics.items()}
        self._row["epoch"] = int(self._row.get("epoch", 0))
        if any(name.startswith("train/") for name in metrics):
            self._write()

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """config.yaml has them."""

    def finalize(self, status: str) -> None:
        self._write()

    def _write(self) -> None:
        if not self._row:
            return
        new = [name for name in self._row if name not in self._columns]
        if new or not self._num_rows:
            self._columns += new
            self._rewrite()
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(self._row)
        self._num_rows, self._row = self._num_rows + 1, {}

    def _rewrite(self) -> None:
        """The rows there are, under the columns there are now."""
        rows: list[dict[str, Any]] = []
        if self._num_rows:
            with self._path.open(newline="") as file:
                rows = list(itertools.islice(csv.DictReader(file), self._num_rows))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        durable.write_text(self._path, text.getvalue())

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""
