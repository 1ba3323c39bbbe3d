"""A disk that is full: how an error says so, and what the user is told."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iolaus.process.failure import RunError

# A quota and the largest size of a file are walls of the same kind.
_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(RunError):
    """There is no room for what a run writes. What it has written before stands."""


def is_full(error: BaseException | None) -> bool:
    """Also where a library raised its own error while it cleaned up after the system's."""
    if error is None:
        return False
    return (isinstance(error, OSError) and error.errno in _CODES) or is_full(error.__context__)


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Says in one sentence that the disk of a run's folder is full, whatever was being written there."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not is_full(error):
            raise
        raise DiskFullError(f"the disk is full ({error}): make room, and go on with resume={folder}.") from error
