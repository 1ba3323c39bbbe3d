"""Loggers that never stop a run: what cannot be written or sent is said once, and the run goes on without it."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from iolaus.loggers.run_logger import RunLogger

_METHODS = ("log_hyperparams", "log_metrics", "log_graph", "save", "after_save_checkpoint", "finalize", "close")


def unfailing(logger: RunLogger) -> RunLogger:
    """The logger itself. At the first error, such as a full disk, it falls silent for the rest of the run."""
    has_failed = False

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal has_failed
            if has_failed:
                return None
            try:
                return method(*arguments, **options)
            except Exception as error:  # whatever a disk, a network and two libraries can come up with
                has_failed = True
                reason = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")
                warnings.warn(
                    f"{type(logger).__name__} has stopped ({reason}); the run goes on without it.", stacklevel=2
                )

        return call

    for name in _METHODS:
        setattr(logger, name, guarded(getattr(logger, name)))
    return logger
