"""A trial's own process: takes its share of the machine, makes the run, and says how it ended.

Imported beforehand by the process that trials are forked from, so it imports all that a run needs and starts nothing.
"""

import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import torch

from iolaus.callbacks.reporter import Report, Reporter
from iolaus.config.compose import compose, quoted, replace_batch_size
from iolaus.folder import lock
from iolaus.folder.again import found_batch_size
from iolaus.folder.place import clear
from iolaus.folder.run_folder import RunFolder
from iolaus.process.failure import sentence, show_warnings_in_one_line
from iolaus.process.interruption import Interrupted
from iolaus.run import run
from iolaus.secrets import Formatter, mask_override
from iolaus.sweep.job import Ended, Job, Share

log = logging.getLogger(__name__)


def run_job(job: Job, report: Report | None = None) -> Ended:
    """Makes the run, from where it stopped if it has a checkpoint. Whatever happens in there, it only ends this one.

    report: how the sweep hears of validations; None: through the run's folder.
    """
    try:
        status = _run(job, report)["status"]
    except Interrupted as stop:
        return Ended(job.name, "interrupted", sentence(stop))
    except BaseException as error:
        log.error("", exc_info=True)
        return Ended(job.name, "failed", sentence(error))
    return Ended(job.name, status)


def take(share: Share) -> None:
    """Keeps this process, and those that it starts, to its share of the machine."""
    os.environ |= {name: str(share.num_threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    if share.gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = share.gpus
    if share.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, share.cores)
    torch.set_num_threads(share.num_threads)


def die_first() -> None:
    """If memory runs out, the kernel is to end a trial and not the sweep."""
    try:
        Path("/proc/self/oom_score_adj").write_text("500")
    except OSError:
        return  # not Linux, or not allowed


def speak_into(path: Path) -> None:
    """All that this process and its libraries say goes to the file, with the time where it is a log's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(file, stream.fileno())
    os.close(file)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    show_warnings_in_one_line()


def _run(job: Job, report: Report | None) -> dict[str, Any]:
    lock.hold(job.folder)
    goes_on = RunFolder(job.folder).checkpoints.newest() is not None
    if not goes_on:
        clear(job.folder, keep=("run.log", "slurm_job", lock.NAME))
    size = found_batch_size(job.folder) if goes_on and _is_auto(job) else None
    overrides = replace_batch_size(job.overrides, size) if size else job.overrides
    resume = [f"resume.run={quoted(job.folder)}"] if goes_on else []
    composed = compose([*overrides, *resume]) if resume or job.composed is None else job.composed
    address: dict[str, Any] = {"folder": str(job.folder), "metrics": job.metrics, "asks": job.can_be_pruned}
    return run(
        composed.config,
        job.folder,
        choices=composed.choices,
        overrides=overrides,
        command=shlex.join(["python", os.path.relpath(job.script), *map(mask_override, job.overrides)]),
        group=job.sweep,
        reporter=Reporter(report, job.metrics, address) if report else Reporter.by_mail(**address),
    )


def _is_auto(job: Job) -> bool:
    return compose(job.overrides).config.trainer.batch_size == "auto"
