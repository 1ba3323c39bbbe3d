"""Who works on a trial: each process that runs a sweep has a name, and others can tell whether it still lives.

On the same machine the kernel knows. Of others, a sign of life in the study, renewed twice a minute, has to do.
"""

import os
import socket
import time
from pathlib import Path

_RENEWED_EVERY = 30.0  # seconds
_SILENT_FOR = 180.0  # seconds, after which an owner elsewhere is taken for dead: clocks may differ a little


def owner_of(pid: int) -> str:
    """The name of a process of this machine: unlike its number, never given twice."""
    return f"{socket.gethostname()}:{pid}:{_birth(pid)}"


def is_alive(owner: str, last_sign: float | None) -> bool:
    """last_sign: when it last said so in the study, in seconds since 1970."""
    host, pid, birth = owner.rsplit(":", 2)
    if host == socket.gethostname():
        return _exists(int(pid)) and _birth(int(pid)) == birth
    return last_sign is not None and time.time() - last_sign < _SILENT_FOR


class SignOfLife:
    """Says when it is time for the next one."""

    def __init__(self) -> None:
        self._last = -_RENEWED_EVERY

    def is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < _RENEWED_EVERY:
            return False
        self._last = now
        return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _birth(pid: int) -> str:
    """When the process began, in the kernel's own ticks; nothing where that cannot be read, or it has ended."""
    try:
        # The second field is the name in brackets, which may hold anything. The third is the state, the 22nd the time.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


ME = owner_of(os.getpid())
