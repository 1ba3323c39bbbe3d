"""One run from its command to its end: what it is known by, in how many processes it is made, how it ended."""

import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from iolaus.callbacks.reporter import Reporter
from iolaus.config.resume import forced
from iolaus.fit_and_test import fit_and_test
from iolaus.folder import lock
from iolaus.folder.run_folder import RunFolder
from iolaus.folder.summary import Status, Summary, read_summary
from iolaus.process.failure import code_of, sentence
from iolaus.process.interruption import Interrupted, interruption
from iolaus.processes import num_to_start, run_processes

log = logging.getLogger(__name__)


def run(
    config: DictConfig,
    folder: Path,
    *,
    choices: dict[str, str],
    overrides: list[str],
    command: str,
    group: str | None,
    reporter: Reporter | dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns the summary. `group` is the sweep that the run belongs to; `reporter`, or its address, tells it what
    validations find.

    Raises:
        ValueError: for what is wrong with the user's data, or if another process is at work in the folder.
        RunError: if the run could not go on.
        Interrupted: if a signal stopped it.
    """
    interruption.check()
    with lock.held(folder) as held:
        known = {**choices, "seed": config.seed, "command": command}
        earlier = RunFolder(folder, tuple(config.packages))
        known |= _forced(config, earlier, choices) if config.resume.run else {}
        arguments: dict[str, Any] = {"known": known, "choices": choices, "overrides": overrides, "group": group}
        number = num_to_start(config)
        try:
            if number > 1:
                address = reporter.address if isinstance(reporter, Reporter) else reporter
                run_processes(number, config, folder, held, reporter=address, **arguments)
            else:
                interruption.before_leaving = lambda: _mark(folder, known, Interrupted(signal.SIGTERM))
                fit_and_test(config, folder, reporter=reporter, **arguments)
        except BaseException as error:
            _mark(folder, known, error)
            raise
        finally:
            interruption.is_awaited, interruption.before_leaving = False, None
        return read_summary(folder)


def _forced(config: DictConfig, run: RunFolder, choices: dict[str, str]) -> dict[str, Any]:
    """What resume.force=true has let differ, now and before."""
    found = forced(run, config, choices)
    for difference in found:
        log.warning("warning: the run goes on in spite of %s", difference)
    all_forced = [*run.summary.get("forced", []), *found]
    return {"forced": all_forced} if all_forced else {}


def _mark(folder: Path, known: dict[str, Any], error: BaseException) -> None:
    """However the run ended, its summary says so; what had ended before, and was refused to go on, stays as it was."""
    status: Status = "interrupted" if isinstance(error, Interrupted) else "failed"
    with suppress(OSError, ValueError):  # a full disk, say, which the error tells of
        reached = known | read_summary(folder)
        if reached.get("status", "running") == "running":
            Summary(folder, **reached).add(status=status, exit_code=code_of(error), error=sentence(error))
