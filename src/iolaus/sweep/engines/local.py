"""Runs trials on this machine. Each is a process of its own, forked from one that has torch and Lightning imported.

That warm process is Python's fork server: it has run nothing, so no thread and no CUDA context is forked with it.
"""

import multiprocessing as mp
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from iolaus.process.mailbox import Mailbox
from iolaus.sweep.job import Ended, Job, Report, Share

_CONTEXT = mp.get_context("forkserver")
_GRACE = 30.0  # seconds that a trial has to write what it must, once it is asked to stop; no more than it had to run


def warm_up() -> None:
    """Starts the process that trials are forked from, in the background: importing torch takes seconds."""
    forkserver.set_forkserver_preload(["iolaus.cli.train", "iolaus.sweep.warm"])
    # Trials set their own share; until then nothing is to start threads, which would not survive the fork.
    with _environment(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", PYTORCH_NVML_BASED_CUDA_CHECK="1"):
        forkserver.ensure_running()


class Local:
    """An engine with one worker for each share of the machine."""

    def __init__(self, shares: list[Share]) -> None:
        self.num_workers = len(shares)
        self._free = list(shares)
        self._working: dict[str, _Worker] = {}
        warm_up()

    def start(self, job: Job) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        mail = Mailbox.of_starter(job.folder)
        ours, theirs = _CONTEXT.Pipe()
        share = self._free.pop(0)
        process = _CONTEXT.Process(target=_serve, args=(job, share, theirs), name=f"trial {job.name}")
        process.start()
        theirs.close()
        deadline = None if job.timeout is None else time.monotonic() + job.timeout
        self._working[job.name] = _Worker(job, share, process, ours, mail, deadline)

    def events(self, timeout: float) -> list[Report | Ended]:
        workers = list(self._working.values())
        connection.wait(
            [worker.process.sentinel for worker in workers] + [w.pipe for w in workers if w.is_open], timeout
        )
        found: list[Report | Ended] = []
        for worker in workers:
            found += worker.messages()
            if worker.process.exitcode is not None:
                found += worker.messages()  # what it said between the two looks
                found.append(worker.end())
                self._free.append(worker.share)
                del self._working[worker.job.name]
            else:
                worker.mind_the_time()
        return found

    def answer(self, job: str, *, go_on: bool) -> None:
        worker = self._working.get(job)
        if worker is None:
            return
        worker.answer(go_on)

    def stop(self, job: str, *, at_once: bool) -> None:
        worker = self._working.get(job)
        if worker is not None:
            worker.signal(signal.SIGKILL if at_once else signal.SIGTERM)

    def close(self) -> None:
        for worker in self._working.values():
            worker.signal(signal.SIGKILL)
        for worker in self._working.values():
            worker.process.join()
            worker.end()
        self._working.clear()


@dataclass
class _Worker:
    """A process at work, and what it said last."""

    job: Job
    share: Share
    process: ForkServerProcess
    pipe: Connection
    mail: Mailbox  # of a run with several processes, of which the first has no pipe to here
    deadline: float | None
    is_open: bool = True
    answers_by_mail: bool = False
    is_late: bool = False
    result: Ended | None = None
    killed_at: float | None = None

    def messages(self) -> list[Report]:
        reports: list[Report] = []
        try:
            while self.is_open and self.pipe.poll():
                message = self.pipe.recv()
                if isinstance(message, Ended):
                    self.result = message
                else:
                    reports.append(message)
        except (EOFError, OSError):
            self.is_open = False
        by_mail = [Report(self.job.name, *message) for message in self.mail.received()]
        self.answers_by_mail = bool(by_mail)
        return reports + by_mail

    def answer(self, go_on: bool) -> None:
        if self.answers_by_mail:
            self.mail.send(go_on)
            return
        try:
            self.pipe.send(go_on)
        except OSError:  # it has just died; its end will be reported
            return

    def mind_the_time(self) -> None:
        """Asks a trial that takes too long to stop; kills one that does not listen."""
        now = time.monotonic()
        if self.killed_at is not None and now > self.killed_at:
            self.signal(signal.SIGKILL)
        elif self.deadline is not None and now > self.deadline and not self.is_late:
            self.is_late = True
            self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """A run of several processes hands it on to them; they follow its end as well."""
        if number is signal.SIGTERM and self.killed_at is None:
            self.killed_at = time.monotonic() + min(_GRACE, self.job.timeout or _GRACE)
        if self.process.exitcode is None and self.process.pid is not None:
            with suppress(ProcessLookupError):  # the server has seen its end, and the exit code is on its way here
                os.kill(self.process.pid, number)

    def end(self) -> Ended:
        exit_code = self.process.exitcode
        self.pipe.close()
        self.process.close()
        if self.is_late and (self.result is None or self.result.status != "finished"):
            return Ended(self.job.name, "failed", f"took longer than sweep.timeout={self.job.timeout:g} seconds")
        return self.result or Ended(self.job.name, "failed", _death(exit_code))


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        return f"was killed ({name}); perhaps it ran out of memory" if name == "SIGKILL" else f"was killed ({name})"
    return f"its process ended without a result, with exit code {exit_code}"


def _serve(job: Job, share: Share, pipe: Connection) -> None:
    """What the new process does, from here to its end."""
    from iolaus.process.interruption import listen
    from iolaus.sweep import trial

    listen()
    os.setpgid(0, 0)  # Ctrl-C is the sweep's to handle
    threading.Thread(target=_follow_parent, daemon=True).start()
    trial.die_first()
    trial.speak_into(job.folder / "run.log")
    trial.take(share)

    def report(epoch: int, num_steps: int, metrics: dict[str, float]) -> bool:
        pipe.send(Report(job.name, epoch, num_steps, metrics))
        return pipe.recv() if job.can_be_pruned else True

    result = trial.run_job(job, report)
    pipe.send(result)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # nothing that a library left running may hold the worker


def _follow_parent() -> None:
    """When the sweep is gone, so is its trial: nobody would hear of it, and a resume would run it twice."""
    parent = mp.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os.killpg(0, signal.SIGKILL)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ |= values
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
