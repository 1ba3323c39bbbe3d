"""Weights & Biases, offline unless asked: one W&B run each, which `wandb sync` brings up later."""

import os
import re
import warnings
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from iolaus.loggers.run_logger import Identity, RunLogger, results
from iolaus.loggers.samples import TestSamples
from iolaus.loggers.wandb_tables import log_charts, log_predictions
from iolaus.ranges import Whole

_MISSING = 'logger=wandb needs the package wandb: pip install -c constraints.txt -e ".[wandb]".'
_DATA_DIR = "WANDB_DATA_DIR"
# W&B tells how a run ended by its exit code: 0 is "finished", 255 "killed", any other "failed".
_EXIT_CODES = {"finished": 0, "pruned": 0, "interrupted": 255}
# What its server may take: to answer before a run starts, and to receive the rest once it has ended.
_SECONDS_TO_ANSWER, _SECONDS_TO_FINISH = 20.0, 60.0


class WandB(RunLogger, WandbLogger):
    """One W&B run, named after its folder, in the group of its sweep; a resumed run goes on in the same one.

    The machine's description and the code are not sent: they can hold secrets, and summary.json has what matters.

    tags: beside those of data, model and task.
    checkpoints: which of them to keep as artifacts of the run.
    num_predictions: test samples in the table of predictions, evenly spaced; 0 for no table and no curves of the test.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        project: str = "iolaus",
        mode: Literal["offline", "online"] = "offline",
        tags: list[str] | None = None,
        checkpoints: Literal["none", "best", "all"] = "none",
        num_predictions: Whole = 64,
    ) -> None:
        try:
            from wandb import Settings
        except ModuleNotFoundError as error:
            raise ValueError(_MISSING) from error
        settings = Settings(
            x_disable_meta=True, x_disable_stats=True, x_save_requirements=False, disable_code=True, disable_git=True,
            host="", console="off", silent=True,
            init_timeout=_SECONDS_TO_ANSWER, finish_timeout=_SECONDS_TO_FINISH,
        )  # fmt: skip
        WandbLogger.__init__(
            self,
            name=identity.name,
            save_dir=identity.folder,
            project=project,
            id=earlier_id(identity.folder),
            mode=mode,  # said here, and not by `offline=`, which would set it for every later run of the process
            group=identity.group,
            job_type="train",
            tags=[*identity.tags, *(tags or [])],
            settings=settings,
        )
        del self._wandb_init["anonymous"]  # W&B has no such thing any more, and warns of it
        self._identity = identity
        self._checkpoints = checkpoints
        self.num_shown = num_predictions

    @property
    def experiment(self) -> Any:
        """Goes on offline where the server cannot be reached, or knows no such user."""
        if self._experiment is not None or self._wandb_init["mode"] == "offline":
            return super().experiment
        try:
            return super().experiment
        except Exception as error:
            warnings.warn(
                f"W&B cannot be reached ({str(error).splitlines()[0]}), so this run is kept offline: "
                f"wandb sync {self._identity.folder}/wandb/offline-run-* brings it up later.",
                stacklevel=2,
            )
            self._wandb_init["mode"] = "offline"
            return super().experiment

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        """The config, with the choices by name: filters and parallel axes want "mlp", not a class's path."""
        config = params if isinstance(params, dict) else vars(params)
        WandbLogger.log_hyperparams(self, {**config, "choice": self._identity.choices})

    def close(self, summary: dict[str, Any]) -> None:
        run: Any = self._experiment
        if run is None:
            return
        status = summary.get("status", "")
        run.summary.update(results(summary))  # of the best epoch, where W&B would keep the last
        run.summary["status"] = status
        if status != "finished":
            run.tags = (*run.tags, status)
        with self._staging():
            self._log_checkpoints(summary)
        run.finish(exit_code=_EXIT_CODES.get(status, 1))
        self._experiment = None

    def abandon(self) -> None:
        """At the process's end W&B would wait for its service process, however long that takes."""
        import wandb

        wandb.teardown()

    def show(self, samples: TestSamples) -> None:
        with self._staging():
            log_predictions(self.experiment, samples)
            log_charts(self.experiment, samples)

    def _log_checkpoints(self, summary: dict[str, Any]) -> None:
        """As one artifact, an output of the run. What the run itself began from is in the artifact's metadata: W&B
        records inputs online only."""
        from wandb import Artifact

        wanted = {"none": (), "best": ("best",), "all": ("best", "last")}[self._checkpoints]
        folder = self._identity.folder / "checkpoints"
        files = [path for name in wanted if (path := folder / f"{name}.ckpt").is_file()]
        if not files:
            return
        known = {key: summary.get(key) for key in ("best_epoch", "num_parameters", "seed", "git_commit", "command")}
        origin = {"run": self._identity.name, "choices": self._identity.choices, "init_from": self._origin()}
        artifact = Artifact(f"model-{self.experiment.id}", "model", metadata={**known, **origin, **results(summary)})
        for path in files:
            artifact.add_file(str(path), name=path.name)
        self.experiment.log_artifact(artifact, aliases=[path.stem for path in files])

    @contextmanager
    def _staging(self) -> Iterator[None]:
        """What W&B keeps for `wandb sync` waits in the run's folder; left alone it would be in the user's home."""
        earlier = os.environ.get(_DATA_DIR)
        os.environ[_DATA_DIR] = str(self._identity.folder / "wandb")
        try:
            yield
        finally:
            os.environ.pop(_DATA_DIR)
            if earlier is not None:
                os.environ[_DATA_DIR] = earlier

    def _origin(self) -> str | None:
        return dict(self.experiment.config).get("init_from")


def earlier_id(folder: Path) -> str | None:
    """The W&B run that this folder already has, if it is resumed."""
    found = sorted((folder / "wandb").glob("*run-*-*"))
    match = re.fullmatch(r"(?:offline-)?run-\d+_\d+-(\w+)", found[-1].name) if found else None
    return match.group(1) if match else None
