"""Signals that ask a run to stop. The first is a request: the step is finished and saved. The second is an order."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

# 128 + the signal's number, as shells have it. A batch scheduler's warning ends a run as its SIGTERM would.
_EXIT_CODES = {signal.SIGINT: 130}
_SIGTERM_EXIT_CODE = 143


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
    before_leaving: called when a second signal comes, and the process is about to end within its step.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.is_awaited = False
        self.before_leaving: Callable[[], None] | None = None

    def receive(self, signum: int, frame: FrameType | None = None) -> None:
        """The signal handler."""
        if self.signum is not None:
            try:
                if self.before_leaving:
                    self.before_leaving()
            finally:
                os._exit(exit_code(signum))
        self.signum = signum
        if not self.is_awaited:
            raise Interrupted(signum)

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)


# Signals reach a process, not an object: there is one of these.
interruption = Interruption()


def listen() -> None:
    """From here on, the signals that end a process are requests to `interruption`.

    SLURM warns of a job's end with SIGUSR1, where its script says so.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signums = [signal.SIGINT, signal.SIGTERM]
    if "SLURM_JOB_ID" in os.environ:
        signums.append(signal.SIGUSR1)
    for signum in signums:
        signal.signal(signum, interruption.receive)


def exit_code(signum: int) -> int:
    return _EXIT_CODES.get(signal.Signals(signum), _SIGTERM_EXIT_CODE)
