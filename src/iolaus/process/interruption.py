"""Signals that ask a run to stop. The first is a request: the step is finished and saved. The second is an order."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

# 128 + the signal's number, as shells have it. A batch scheduler's warning ends a run as its SIGTERM would.
_EXIT_CODES = {signal.SIGINT: 130}
_SIGTERM_EXIT_CODE = 143
# SLURM's, where a job's script asks for it: the SIGTERM of the time limit follows, and is no second request.
_WARNING = getattr(signal, "SIGUSR1", None)  # Windows has none


class Interrupted(BaseException):
    """The run was stopped from outside; what it had reached is in its folder. No error, so no `except Exception`."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum

    @property
    def exit_code(self) -> int:
        return exit_code(self.signum)


class Interruption:
    """What signals have asked of this process.

    signum: the signal that came first; None as long as none did.
    is_awaited: while a loop looks at `signum` between its steps, a signal is only noted; else it raises `Interrupted`
        where it strikes.
    is_insistent: whether a second signal ends the process. (One of several leaves that to the process that started it.)
    before_leaving: called when a second signal comes, and the process is about to end within its step.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.is_awaited = False
        self.is_insistent = True
        self.before_leaving: Callable[[], None] | None = None

    def receive(self, signum: int, frame: FrameType | None = None) -> None:
        """The signal handler."""
        is_first, is_warned = self.signum is None, self.signum == _WARNING
        if is_first:
            self.signum = signum
        if is_first and not self.is_awaited:
            raise Interrupted(signum)
        if not is_first and not is_warned and self.is_insistent:
            self._leave(signum)

    def _leave(self, signum: int) -> NoReturn:
        try:
            if self.before_leaving:
                self.before_leaving()
        finally:
            os._exit(exit_code(signum))

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)


# Signals reach a process, not an object: there is one of these.
interruption = Interruption()


def listen() -> None:
    """From here on, the signals that end a process are requests to `interruption`."""
    if threading.current_thread() is not threading.main_thread():
        return
    signums = [signal.SIGINT, signal.SIGTERM]
    if "SLURM_JOB_ID" in os.environ and _WARNING is not None:
        signums.append(_WARNING)
    for signum in signums:
        signal.signal(signum, interruption.receive)


def exit_code(signum: int) -> int:
    return _EXIT_CODES.get(signal.Signals(signum), _SIGTERM_EXIT_CODE)
