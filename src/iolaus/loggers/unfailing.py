"""Loggers that never stop a run, nor make it wait: each works in a thread of its own, behind a queue.

A server that hangs would hold up every step that has something to log. What cannot be written or sent is said once, and
the run goes on without that logger.
"""

import math
import queue
import threading
import warnings
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from iolaus.loggers.run_logger import RunLogger
from iolaus.loggers.samples import TestSamples

_MAX_NUM_WAITING = 10_000  # calls: of a run that logs more than its logger can take
_SECONDS_TO_FINISH = 90.0  # at the run's end, for what still waits
_SECONDS_IF_INTERRUPTED = 10.0  # whoever ends a process by a signal does not wait long before the next
_SECONDS_TO_LET_GO = 5.0  # of a logger that was abandoned


class Unfailing(RunLogger):
    """Hands every call on, in their order, until the first error, such as a full disk. It has no `experiment`, which
    Lightning would ask for before training, and wait for."""

    def __init__(self, logger: RunLogger, *, seconds_to_finish: float = _SECONDS_TO_FINISH) -> None:
        super().__init__()
        self._logger = logger
        self._seconds_to_finish = seconds_to_finish
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(_MAX_NUM_WAITING)
        self._thread: threading.Thread | None = None
        self._reason: str | None = None  # why it has stopped
        self._is_said = False
        self.num_shown = logger.num_shown

    @property
    def name(self) -> str | None:
        return self._logger.name

    @property
    def version(self) -> int | str | None:
        return self._logger.version

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        self._hand_on(lambda: self._logger.log_hyperparams(params, *args, **kwargs))

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self._hand_on(lambda: self._logger.log_metrics(metrics, step))

    def show(self, samples: TestSamples) -> None:
        self._hand_on(lambda: self._logger.show(samples))

    def save(self) -> None:
        self._hand_on(self._logger.save)

    def finalize(self, status: str) -> None:
        self._hand_on(lambda: self._logger.finalize(status))

    def close(self, summary: dict[str, Any]) -> None:
        """Waits for what the logger has still to do, but not for ever."""
        summary = dict(summary)
        self._hand_on(lambda: self._logger.close(summary))
        self._hand_on(None)
        limit = _SECONDS_IF_INTERRUPTED if summary.get("status") == "interrupted" else math.inf
        seconds = min(self._seconds_to_finish, limit)
        if self._thread is not None and self._reason is None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                self._reason = f"it was not done {seconds:g} s after the run"
        self._say()
        if self._reason is not None:
            letting_go = threading.Thread(target=self._abandon, daemon=True)
            letting_go.start()
            letting_go.join(_SECONDS_TO_LET_GO)

    def _abandon(self) -> None:
        with suppress(BaseException):
            self._logger.abandon()

    def _hand_on(self, call: Callable[[], None] | None) -> None:
        """Nothing is said in the other thread: a warning that is taken for an error belongs in this one."""
        self._say()
        if self._reason is not None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=type(self._logger).__name__, daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(call)
        except queue.Full:
            self._reason = f"{_MAX_NUM_WAITING} things wait for it already"

    def _work(self) -> None:
        while self._reason is None and (call := self._waiting.get()) is not None:
            try:
                call()
            except BaseException as error:  # whatever a disk, a network and two libraries can come up with
                self._reason = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")

    def _say(self) -> None:
        if self._reason is not None and not self._is_said:
            self._is_said = True
            warnings.warn(
                f"{type(self._logger).__name__} has stopped ({self._reason}); the run goes on without it.", stacklevel=3
            )
