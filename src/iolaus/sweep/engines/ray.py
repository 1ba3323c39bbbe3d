"""Each trial is a Ray task. The cluster is the one at `sweep.address`, or one of this machine alone."""

import logging
import os
import socket
from collections.abc import Callable
from typing import Any

from iolaus.sweep.job import Ended, Job

_SECONDS_TO_ANSWER = 5.0


class RayCluster:
    """num_gpus: of each trial, where the cluster has any.

    Raises:
        ValueError: if Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, address: str | None, *, num_workers: int | None, num_cores: int, num_gpus: int) -> None:
        try:
            import ray
        except ImportError as error:
            raise ValueError(
                'sweep.engine=ray needs the package ray: pip install -c constraints.txt -e ".[ray]".'
            ) from error
        self._ray, self._num_cores = ray, num_cores
        here: dict[str, Any] = {} if address else {"include_dashboard": False}  # a cluster of this machine alone
        try:
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **here)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ValueError(f"sweep.address={address}: no Ray cluster answers there ({_reason(error)}).") from error
        resources = ray.cluster_resources()
        self._num_gpus = num_gpus if resources.get("GPU") else 0
        most = self._num_places(resources)
        if most < max(num_workers or 1, 1):
            self.close()
            raise ValueError(_too_much(num_workers, num_cores, self._num_gpus, most))
        self.num_workers = num_workers or most

    def _num_places(self, resources: dict[str, float]) -> int:
        """How many trials the cluster has room for."""
        by_cores = int(resources.get("CPU", 0) // self._num_cores)
        return min(by_cores, int(resources["GPU"] // self._num_gpus)) if self._num_gpus else by_cores

    def submit(self, work: Callable[..., Ended], job: Job) -> Any:
        # One call for each process: what a trial leaves behind in memory ends with it. Retries are the sweep's.
        task = self._ray.remote(max_calls=1, max_retries=0, num_cpus=self._num_cores, num_gpus=self._num_gpus)(work)
        return task.remote(job, self._num_cores, os.getcwd())

    def is_done(self, handle: Any) -> bool:
        return bool(self._ray.wait([handle], timeout=0)[0])

    def result(self, handle: Any) -> Ended:
        return self._ray.get(handle)

    def cancel(self, handle: Any) -> None:
        self._ray.cancel(handle, force=True)

    def close(self) -> None:
        self._ray.shutdown()


def refuse_silence(address: str) -> None:
    """Ray itself would ask for minutes at an address where nobody listens.

    Raises:
        ValueError: if nothing can be connected to there, or it is no address.
    """
    if address in ("auto", "local"):
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (host and colon and port.isdigit()):
        raise ValueError(
            f"sweep.address={address}: type HOST:PORT, as ray start prints it, ray://HOST:PORT for Ray's client "
            "server, or auto for the cluster that this machine belongs to."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise ValueError(f"sweep.address={address}: no Ray cluster answers there ({_reason(error)}).") from error


def _too_much(num_workers: int | None, num_cores: int, num_gpus: int, most: int) -> str:
    if most:
        room = f"the cluster has room for {most} trials at a time"
        return f"sweep.workers={num_workers}: {room}; type sweep.workers={most} at most."
    gpus = f" and {num_gpus} GPUs" if num_gpus else ""
    return f"sweep.cores={num_cores}: a trial takes {num_cores} cores{gpus}, which the cluster does not have."


def _reason(error: Exception) -> str:
    """Of an error of the system its words, of others the first line."""
    words = getattr(error, "strerror", None) or str(error).strip()
    return words.splitlines()[0] if words else type(error).__name__
