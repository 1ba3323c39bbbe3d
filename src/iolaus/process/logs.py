"""Log handlers for a run that is worth more than its log: on a disk that may be full, for a reader who may go."""

import logging
import os
import sys


class LogFile(logging.FileHandler):
    """Says once that it cannot write, where logging would print a traceback for every line."""

    _has_failed = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # of opening it
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_failed:
            self._has_failed = True
            print(f"warning: {self.baseFilename} cannot be written ({error.strerror}).", file=sys.stderr)


class Terminal(logging.StreamHandler):
    """Once nobody reads along any more, as behind `| head -3`, whatever goes there goes nowhere."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)
