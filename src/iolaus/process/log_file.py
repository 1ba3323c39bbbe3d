"""run.log on a disk that may be full: the run is worth more than its log."""

import logging
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
