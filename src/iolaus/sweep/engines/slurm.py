"""Each trial is a job of SLURM, submitted by submitit; with sweep.address=local, by submitit on this machine."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iolaus.sweep.job import Ended, Job


class SlurmCluster:
    """options: submitit's own, such as slurm_partition or gpus_per_node.

    Raises:
        ValueError: if submitit is not installed, there is no SLURM, or an option is none of submitit's.
    """

    def __init__(self, folder: Path, address: str | None, *, num_cores: int, options: dict[str, Any]) -> None:
        try:
            import submitit
        except ImportError as error:
            raise ValueError(
                'sweep.engine=slurm needs the package submitit: pip install -c constraints.txt -e ".[slurm]".'
            ) from error
        self._is_real = address != "local"
        if self._is_real and shutil.which("sbatch") is None:
            raise ValueError(
                "sweep.engine=slurm: there is no sbatch here; start the sweep on a login node of a cluster."
            )
        self._num_cores = num_cores
        self._executor = submitit.AutoExecutor(folder / ".submitit", cluster="slurm" if self._is_real else "local")
        defaults = {"name": folder.name, "cpus_per_task": num_cores, "timeout_min": 24 * 60}
        try:
            self._executor.update_parameters(**defaults | options)
        except (NameError, TypeError, AssertionError) as error:
            raise ValueError(f"sweep.slurm: {str(error).strip().splitlines()[0]}") from error

    def submit(self, work: Callable[..., Ended], job: Job) -> Any:
        note = job.folder / "slurm_job"
        if self._is_real and note.exists():  # a sweep that was killed leaves its jobs behind
            subprocess.run(["scancel", note.read_text().strip()], check=False)
        handle = self._executor.submit(work, job, self._num_cores, os.getcwd())
        note.write_text(f"{handle.job_id}\n")
        return handle

    def is_done(self, handle: Any) -> bool:
        return handle.done()

    def result(self, handle: Any) -> Ended:
        return handle.result()

    def cancel(self, handle: Any) -> None:
        handle.cancel(check=False)

    def close(self) -> None:
        """SLURM stays."""
