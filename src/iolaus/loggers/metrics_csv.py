"""metrics.csv in the run's folder: always on, whatever other loggers are chosen."""

import csv
from argparse import Namespace
from typing import Any

from iolaus.loggers.run_logger import Identity, RunLogger


class MetricsCSV(RunLogger):
    """Writes metrics.csv: one row per logged step, one column per metric.

    The row of an epoch is written when its last metrics, those of training, have come; every other when the next
    begins. A resumed run goes on in the same file (`drop_after`).
    """

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self._path = identity.folder / "metrics.csv"
        self._columns = ["epoch", "step"]
        self._row: dict[str, Any] = {}

    def drop_after(self, step: int) -> None:
        """Forgets what was logged at or after this step, and every test result."""
        rows = self._read()
        if rows:
            self._columns = [name for name in rows[0] if not name.startswith("test/")]
        self._rewrite([row for row in rows if int(row["step"]) < step])

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
        if new or not self._path.exists():
            rows = self._read()
            self._columns += new
            self._rewrite(rows)
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(self._row)
        self._row = {}

    def _read(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        with self._path.open(newline="") as file:
            return list(csv.DictReader(file))

    def _rewrite(self, rows: list[dict[str, Any]]) -> None:
        with self._path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""
