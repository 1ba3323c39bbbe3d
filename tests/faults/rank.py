"""Processes of a run that has several, forked where it would start `python -m iolaus.rank`: they have their imports."""

import os
import signal
import sys
import traceback
from subprocess import PIPE  # noqa: F401 - asked of this module in the place of subprocess
from typing import IO, Any, NoReturn

from tests.faults.fault import Fault
from tests.forks import leave

lost_by: Fault | None = None  # what strikes one of them


def prepare(fault: dict[str, Any] | None) -> None:
    """In the process that a command is about to begin in."""
    from iolaus import processes

    processes.subprocess = sys.modules[__name__]  # type: ignore[assignment]
    if fault:
        Fault(**fault).arm()


class Popen:
    """As much of subprocess.Popen as a run asks of it."""

    _pipes: list[int] = []  # noqa: RUF012 - of all: whose end one of them waits for, no other may hold open

    def __init__(self, command: list[str], *, env: dict[str, str], stdout: Any, stderr: Any, **_: Any) -> None:
        reading, writing = os.pipe()
        self._pipes.append(writing)
        self.returncode: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            for pipe in self._pipes:
                os.close(pipe)
            _become(env, reading, stdout, stderr)
        os.close(reading)
        self.stdin: IO[str] = os.fdopen(writing, "w")

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        return self._ended(0)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, signum: int) -> None:
        if self.poll() is None:
            os.kill(self._pid, signum)

    def _ended(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self._pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def _become(environment: dict[str, str], stdin: int, stdout: Any, stderr: Any) -> NoReturn:
    code = 1
    try:
        os.setsid()
        os.environ.clear()
        os.environ.update(environment)
        os.dup2(stdin, 0)
        sys.stdin = os.fdopen(0)
        for number, file in ((1, stdout), (2, stderr)):
            if file is not None:
                os.dup2(file.fileno(), number)
        if lost_by and environment["RANK"] == str(lost_by.rank):
            lost_by.arm()
        from iolaus.rank import main

        main()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)
