"""What a failure is to whoever started the run: one sentence, and an exit code. The traceback is for run.log."""

import logging
import warnings

from iolaus.process.interruption import Interrupted
from iolaus.secrets import blot

RUN_FAILED, USER_MISTAKE = 1, 2


class RunError(Exception):
    """The run cannot go on, for a reason that its message tells in one sentence."""


def sentence(error: BaseException) -> str:
    """What went wrong, for the terminal and for summary.json."""
    message = blot(" ".join(str(error).split()))
    if isinstance(error, RunError | ValueError | Interrupted):
        return message
    if isinstance(error, AssertionError):
        return f"this is a mistake in iolaus itself, not yours: {message or 'an assertion failed'}"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def code_of(error: BaseException) -> int:
    """The exit code of a command that this ended."""
    if isinstance(error, Interrupted):
        return error.exit_code
    return USER_MISTAKE if isinstance(error, ValueError) else RUN_FAILED


def record(error: BaseException) -> None:
    """Writes the traceback to the log files, and not to the terminal."""
    record = logging.LogRecord(
        __name__, logging.ERROR, __file__, 0, sentence(error), None, (type(error), error, error.__traceback__)
    )
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def show_warnings_in_one_line(*, in_logs: bool = True) -> None:
    """To be called when Lightning is imported: it has a format of its own. Without logs, they go to stderr."""
    logging.captureWarnings(in_logs)
    end = "" if in_logs else "\n"
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}{end}"
