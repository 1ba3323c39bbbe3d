"""Where metrics are written: metrics.csv always; TensorBoard and Weights & Biases when asked."""

import csv
import sys
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

    The row of an epoch is written when its last metrics, those of training, have come; every other when the next
    begins. A resumed run goes on in the same file (`drop_after`).
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path = folder / "metrics.csv"
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


def metrics_csv(folder: Path, *, group: str | None = None) -> MetricsCSV:  # noqa: ARG001 - called as all are
    return MetricsCSV(folder)


def tensorboard(folder: Path, *, group: str | None = None) -> Logger:  # noqa: ARG001
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


def close_wandb(*, exit_code: int) -> None:
    """Ends this process's W&B run, if there is one, as finished or failed. The next run must not go on in it."""
    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None:
        wandb.run.finish(exit_code)
