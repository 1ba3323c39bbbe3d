"""Where a study is kept: a journal file that survives `kill -9` of whoever writes it, or a database."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import optuna
from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import event
from sqlalchemy.engine import make_url

from iolaus.secrets import MASK

_SECONDS_FOR_OTHERS = 120  # that one waits until the others have written
_SECONDS_TO_ANSWER = 10  # of a server; left alone, some packages wait for minutes


class _Driver(NamedTuple):
    """The package that speaks to a kind of server, and the extra that brings it."""

    name: str
    extra: str


_DRIVERS = {
    "postgresql": _Driver("psycopg", "postgresql"),
    "mysql": _Driver("pymysql", "mysql"),
    "mariadb": _Driver("pymysql", "mysql"),
}


def open_storage(where: str | None, folder: Path) -> BaseStorage:
    """where: `sweep.storage`.

    Raises:
        ValueError: if it cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if where and "://" in where:
        scheme = where.partition("://")[0].partition("+")[0]
        if scheme not in ("sqlite", *_DRIVERS):
            raise ValueError(
                f"sweep.storage={without_password(where)}: no database is called {scheme} here; type "
                "postgresql://USER:PASSWORD@HOST/NAME, mysql://USER:PASSWORD@HOST/NAME or sqlite:///FILE."
            )
    try:
        if where and "://" in where:
            return get_storage(_sqlite(where) if scheme == "sqlite" else _server(where, _DRIVERS[scheme]))
        path = Path(where) if where else folder / "journal.log"
        return JournalStorage(JournalFileBackend(str(path), lock_obj=Lock(path)))  # type: ignore[arg-type]
    except Exception as error:  # whatever the database's own package raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"sweep.storage={without_password(where or '')} cannot be reached: {reason}") from error


def close_storage(storage: BaseStorage) -> None:
    """Ends its connections, if it is a database; a server would keep them for the dead."""
    database = getattr(storage, "_backend", storage)  # Optuna keeps a cache before it
    if isinstance(database, RDBStorage):
        database.remove_session()
        database.engine.dispose()


def _server(url: str, driver: _Driver) -> RDBStorage:
    """With one driver for each kind of server, unless the URL names another, and for so long as it takes to answer."""
    parsed = make_url(url)
    if "+" not in parsed.drivername:
        parsed = parsed.set(drivername=f"{parsed.drivername}+{driver.name}")
    if "connect_timeout" not in parsed.query:
        parsed = parsed.update_query_dict({"connect_timeout": str(_SECONDS_TO_ANSWER)})
    try:
        return RDBStorage(parsed.render_as_string(hide_password=False))
    except ImportError as error:
        name, base = parsed.get_driver_name(), parsed.get_backend_name()
        advice = f'pip install -c constraints.txt -e ".[{driver.extra}]" brings {driver.name}, for {base}://…'
        raise ValueError(f"the package {name} is not installed; {advice}") from error


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
    text = re.sub(r"(://[^:/@\s]*:)\S+(@)", rf"\1{MASK}\2", text)
    return re.sub(r"([?&]password=)[^&\s]*", rf"\1{MASK}", text)
