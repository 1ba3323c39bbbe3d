"""Each trial is a Ray task. The cluster is the one at `sweep.address`, or one of this machine alone."""

import logging
import os
from collections.abc import Callable
from typing import Any

from iolaus.sweep.job import Ended, Job


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
        cores: dict[str, Any] = {} if address else _here(num_cores * num_workers if num_workers else None)
        try:
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **cores)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"sweep.address={address}: no Ray cluster answers there ({_first_line(error)})."
            ) from error
        resources = ray.cluster_resources()
        self._num_gpus = num_gpus if resources.get("GPU") else 0
        most = int(resources["CPU"] // num_cores)
        if self._num_gpus:
            most = min(most, int(resources["GPU"] // self._num_gpus))
        self.num_workers = min(num_workers or most, most)

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


def _here(num_cores: int | None) -> dict[str, Any]:
    """Of a cluster of this machine alone."""
    return {"num_cpus": num_cores, "include_dashboard": False}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
