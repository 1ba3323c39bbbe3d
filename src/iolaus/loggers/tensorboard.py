"""TensorBoard: curves, and the HParams page with what each run was made of and what it reached."""

import threading
from argparse import Namespace
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger

from iolaus.loggers.run_logger import Identity, RunLogger, hyperparameters, results

_MISSING = 'logger=tensorboard needs the package tensorboard: pip install -c constraints.txt -e ".[tensorboard]".'
_WRITER = "tensorboard.summary.writer.event_file_writer"


class TensorBoard(RunLogger, TensorBoardLogger):
    """Event files in the run's folder: `tensorboard --logdir outputs` shows all runs side by side."""

    def __init__(self, identity: Identity) -> None:
        try:
            TensorBoardLogger.__init__(self, identity.folder, name="tensorboard", version="", default_hp_metric=False)
        except ModuleNotFoundError as error:
            raise ValueError(_MISSING) from error
        _keep_its_thread_quiet()
        self._choices = identity.choices
        self._config: dict[str, Any] = {}

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Kept until the results are known: the HParams page takes both at once."""
        self._config = dict(params) if isinstance(params, dict) else vars(params)

    def close(self, summary: dict[str, Any]) -> None:
        reached = {f"result/{name}": value for name, value in results(summary).items()}
        if not self._config or not reached:
            return
        TensorBoardLogger.log_hyperparams(self, hyperparameters(self._config, self._choices), reached)
        self.experiment.close()

    def save(self) -> None:
        """Events alone: config.yaml has what Lightning would write beside them."""
        self.experiment.flush()


def _keep_its_thread_quiet() -> None:
    """The thread that writes tells the logger what went wrong, which says it in one line. Python's hook would print a
    traceback as well."""
    if getattr(threading.excepthook, "is_ours", False):
        return
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if type(arguments.thread).__module__ != _WRITER:
            before(arguments)

    hook.is_ours = True  # type: ignore[attr-defined]
    threading.excepthook = hook
