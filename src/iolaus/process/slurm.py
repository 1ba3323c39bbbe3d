"""A job of SLURM that its time limit ends: asks for another turn, and finds its run again when the turn comes.

In the job's script, `#SBATCH --signal=USR1@120` warns two minutes before the limit, and `srun python train.py …` hears
of it. The same command goes on where it was.
"""

import logging
import os
import signal
import subprocess
import time
from pathlib import Path

log = logging.getLogger(__name__)

# A SIGTERM this many seconds before the limit comes from the limit. Earlier, somebody wants the job to end (scancel),
# or SLURM makes room for another one and requeues by itself.
_SECONDS_BEFORE_LIMIT = 600.0


def is_requeued() -> bool:
    """Whether this job has run before."""
    return int(os.environ.get("SLURM_RESTART_COUNT", "0")) > 0


def wants_requeue(signum: int) -> bool:
    """Whether a run that this signal stopped should get another turn."""
    if "SLURM_JOB_ID" not in os.environ:
        return False
    limit = float(os.environ.get("SLURM_JOB_END_TIME", "inf"))
    is_limit = signum == signal.SIGTERM and limit - time.time() < _SECONDS_BEFORE_LIMIT
    return signum == signal.SIGUSR1 or is_limit


def requeue() -> None:
    """A failure is only told: the run itself is saved."""
    job = os.environ["SLURM_JOB_ID"]
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("warning: job %s could not be requeued (%s): submit it again.", job, error)
    else:
        log.info("job %s is requeued", job)


def remember(folder: Path) -> None:
    """Keeps which run this job makes, beside all runs."""
    if "SLURM_JOB_ID" in os.environ:
        place = _place()
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"{folder}\n")


def go_on(overrides: list[str]) -> list[str]:
    """The overrides of a job's command; when its turn comes again, those that go on with the run it began."""
    place = _place()
    if not is_requeued() or not place.exists() or any(text.startswith("resume=") for text in overrides):
        return overrides
    folder = place.read_text().strip()
    return [*(text for text in overrides if not text.startswith("run_dir=")), f"run_dir={folder}", "resume=auto"]


def _place() -> Path:
    return Path("outputs") / f".slurm-{os.environ.get('SLURM_JOB_ID')}"
