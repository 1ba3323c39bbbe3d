"""Where metrics are written: metrics.csv always; TensorBoard and Weights & Biases when asked."""

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

_WANDB_MISSING = 'logger=wandb needs the package wandb: pip install -c constraints.txt -e ".[wandb]".'
_TENSORBOARD_MISSING = (
    'logger=tensorboard needs the package tensorboard: pip install -c constraints.txt -e ".[tensorboard]".'
)


class MetricsCSV(Logger):
    """Writes metrics.csv: one row per logged step, one column per metric.

    A row is written as soon as the next step's begins, so what a killed run had logged is there. A resumed run goes on
    in the same file: rows after the step it resumes from, and test results, are dropped (`drop_after`).
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path = folder / "metrics.csv"
        self._columns: list[str] = ["epoch", "step"]
        self._row: dict[str, Any] = {}

    def drop_after(self, step: int) -> None:
        """Forgets what was logged at or after this step, and every test result."""
        if not self._path.exists():
            return
        with self._path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        kept = [row for row in rows if int(row["step"]) < step]
        self._columns = [name for name in rows[0] if not name.startswith("test/")] if rows else self._columns
        self._rewrite(kept)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if step != self._row.get("step"):
            self.save()
        self._row |= {"step": step} | {name: float(value) for name, value in metrics.items()}
        self._row["epoch"] = int(self._row.get("epoch", 0))

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """config.yaml has them."""

    def save(self) -> None:
        if not self._row:
            return
        new = [name for name in self._row if name not in self._columns]
        if new or not self._path.exists():
            self._columns += new
            self._rewrite(self._read())
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(self._row)
        self._row = {}

    def finalize(self, status: str) -> None:
        self.save()

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


def metrics_csv(folder: Path, *, group: str | None = None) -> MetricsCSV:
    return MetricsCSV(folder)


def tensorboard(folder: Path, *, group: str | None = None) -> Logger:
    """Event files in the run's folder: `tensorboard --logdir outputs` shows all runs side by side."""
    try:
        return TensorBoardLogger(folder, name="tensorboard", version="")
    except ModuleNotFoundError as error:
        raise ValueError(_TENSORBOARD_MISSING) from error


def wandb(
    folder: Path,
    *,
    group: str | None = None,
    project: str = "iolaus",
    mode: Literal["offline", "online"] = "offline",
    tags: list[str] | None = None,
) -> Logger:
    """One W&B run, named after its folder; `wandb sync RUN/wandb/offline-run-*` brings an offline one up later.

    The machine's description and the code are not sent: they can hold secrets, and summary.json has what matters.
    """
    try:
        from wandb import Settings
    except ModuleNotFoundError as error:
        raise ValueError(_WANDB_MISSING) from error
    settings = Settings(
        x_disable_meta=True, x_disable_stats=True, disable_code=True, disable_git=True, console="off", silent=True
    )
    return WandbLogger(
        name=f"{folder.parent.name}/{folder.name}",
        save_dir=folder,
        project=project,
        offline=mode == "offline",
        group=group,
        tags=tags,
        settings=settings,
    )
