"""One process of a run that has several. Started by processes.py, as `python -m iolaus.rank`, and never by hand."""

import json
import logging
import logging.config
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from iolaus.config.compose import CONF
from iolaus.process.collector import importing
from iolaus.process.failure import code_of, record, sentence, show_warnings_in_one_line
from iolaus.process.interruption import Interrupted, interruption, listen
from iolaus.secrets import notice, notice_values


def main() -> None:
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.set_inheritable(job["held"], False)  # this process keeps the lock, and none that it starts
    listen()
    interruption.is_insistent = False
    sys.path[:] = job["path"]
    notice(job["arguments"]["overrides"])
    notice_values(job["config"])
    folder = Path(job["folder"])
    try:
        with importing():  # once signals are listened to
            from iolaus.fit_and_test import fit_and_test

        _log_to(folder)
        fit_and_test(OmegaConf.create(job["config"]), folder, **job["arguments"])
    except BaseException as error:
        _report(error, Path(job["report"]))
        record(error)
        logging.shutdown()
        os._exit(code_of(error))  # whatever waits for the other processes in its own cleaning up


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _log_to(folder: Path) -> None:
    """As Hydra does in a run of one process. Of the processes after the first, only errors are of interest."""
    logging_node = OmegaConf.load(CONF / "hydra" / "job_logging" / "iolaus.yaml")
    whole = OmegaConf.create({"hydra": {"runtime": {"output_dir": str(folder)}}, "logging": logging_node})
    options: Any = OmegaConf.to_container(whole.logging, resolve=True)
    logging.config.dictConfig(options)
    show_warnings_in_one_line()
    if os.environ["LOCAL_RANK"] != "0":
        logging.getLogger().setLevel(logging.ERROR)


def _report(error: BaseException, path: Path) -> None:
    report = {
        "time": time.monotonic(),
        "sentence": sentence(error),
        "message": str(error),
        "code": code_of(error),
        "signum": error.signum if isinstance(error, Interrupted) else None,
        "is_bug": isinstance(error, AssertionError),
        "traceback": "".join(traceback.format_exception(error)),
    }
    with suppress(OSError):  # the exit code says the rest
        path.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
