"""Where a study is kept: a journal file that survives `kill -9` of whoever writes it, or a database."""

import os
import re
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import event

_SECONDS_FOR_OTHERS = 120  # that one waits until the others have written


def open_storage(where: str | None, folder: Path) -> BaseStorage:
    """where: `sweep.storage`.

    Raises:
        ValueError: if it cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if where and where.startswith("sqlite"):
            return get_storage(_sqlite(where))
        if where and "://" in where:
            return get_storage(where)
        path = Path(where) if where else folder / "journal.log"
        return JournalStorage(JournalFileBackend(str(path), lock_obj=Lock(path)))  # type: ignore[arg-type]
    except Exception as error:  # whatever the database's own package raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"sweep.storage={without_password(where or '')} cannot be reached: {reason}") from error


def _sqlite(url: str) -> RDBStorage:
    """SQLite locks no rows: left alone, two processes may both read that a trial waits, and both take it. Here a
    transaction locks the file before it reads."""
    storage = RDBStorage(url, engine_kwargs={"connect_args": {"timeout": _SECONDS_FOR_OTHERS, "isolation_level": None}})
    event.listen(storage.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return storage


class Lock:
    """Of a journal, as Optuna calls it; the kernel releases it when its holder dies.

    What a dead one has left half written is cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock")

    def acquire(self) -> bool:
        self._lock.acquire()
        self._drop_torn_line()
        return True

    def release(self) -> None:
        self._lock.release()

    def _drop_torn_line(self) -> None:
        with self._path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size == 0:
                return
            file.seek(size - 1)
            if file.read(1) == b"\n":
                return
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def without_password(text: str) -> str:
    """`postgresql://user:***@host/name`."""
    return re.sub(r"(://[^:/@\s]*:)\S+(@)", r"\1***\2", text)
