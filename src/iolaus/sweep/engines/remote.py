"""Runs trials as jobs of a cluster. They share a file system with the sweep, and speak through their run's folder."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from iolaus.process.collector import importing
from iolaus.process.mailbox import Mailbox
from iolaus.sweep.job import Ended, Job, Report

_POLL_SECONDS = 0.1


class Cluster(Protocol):
    """What Ray and SLURM have in common."""

    def submit(self, work: Callable[..., Ended], job: Job) -> Any:
        """Returns a handle; `work(job, …)` runs somewhere, in a process of its own."""

    def is_done(self, handle: Any) -> bool: ...

    def result(self, handle: Any) -> Ended:
        """Of a job that is done. Raises whatever the cluster raises if it was lost."""

    def cancel(self, handle: Any) -> None: ...

    def close(self) -> None: ...


@dataclass
class _Submitted:
    job: Job
    handle: Any
    mail: Mailbox
    cancelled: str | None = None  # why
    deadline: float | None = None  # from the moment that it is heard of


class Remote:
    """An engine on a cluster. A job's time counts from its first sign of life: before, it may wait in a queue."""

    def __init__(self, cluster: Cluster, num_workers: int) -> None:
        self.num_workers, self._cluster = num_workers, cluster
        self._submitted: dict[str, _Submitted] = {}

    def start(self, job: Job) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        mail = Mailbox.of_starter(job.folder)
        self._submitted[job.name] = _Submitted(job, self._cluster.submit(work, job), mail)

    def events(self, timeout: float) -> list[Report | Ended]:
        deadline = time.monotonic() + timeout
        while not (found := self._look()) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return found

    def answer(self, job: str, *, go_on: bool) -> None:
        self._submitted[job].mail.send(go_on)

    def stop(self, job: str, *, at_once: bool) -> None:
        submitted = self._submitted.get(job)
        if submitted is not None and submitted.cancelled is None:
            self._cancel(submitted, "was cancelled")

    def close(self) -> None:
        for submitted in self._submitted.values():
            self._cancel(submitted, "was cancelled")
        self._submitted.clear()
        self._cluster.close()

    def _look(self) -> list[Report | Ended]:
        found: list[Report | Ended] = []
        for name, submitted in list(self._submitted.items()):
            is_done = self._cluster.is_done(submitted.handle)  # before its last messages are read
            found += [Report(name, *message) for message in submitted.mail.received() if message]
            if is_done:
                found.append(self._end(submitted))
                del self._submitted[name]
            else:
                self._mind_the_time(submitted)
        return found

    def _mind_the_time(self, submitted: _Submitted) -> None:
        timeout = submitted.job.timeout
        if timeout is None or submitted.cancelled:
            return
        if submitted.deadline is None and (submitted.job.folder / "run.log").exists():
            submitted.deadline = time.monotonic() + timeout
        if submitted.deadline is not None and time.monotonic() > submitted.deadline:
            self._cancel(submitted, f"took longer than sweep.timeout={timeout:g} seconds")

    def _cancel(self, submitted: _Submitted, why: str) -> None:
        submitted.cancelled = why
        self._cluster.cancel(submitted.handle)

    def _end(self, submitted: _Submitted) -> Ended:
        if submitted.cancelled:
            return Ended(submitted.job.name, "failed", submitted.cancelled)
        try:
            return self._cluster.result(submitted.handle)
        except Exception as error:  # each cluster has its own for a job that was killed
            lines = [line for line in str(error).splitlines() if line.strip()]
            reason = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
            return Ended(submitted.job.name, "failed", f"its job was lost: {reason}")


def work(job: Job, num_threads: int, directory: str) -> Ended:
    """What runs on the cluster."""
    from iolaus.process.interruption import listen

    with importing():
        from iolaus.sweep import trial
    from iolaus.sweep.job import Share

    os.chdir(directory)
    listen()
    trial.speak_into(job.folder / "run.log")
    trial.take(Share(num_threads))
    return trial.run_job(job)
