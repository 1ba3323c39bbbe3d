"""A PostgreSQL server of the tests' own, where its programs are installed."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "correct-horse"
_SECONDS = 120  # that it may take to start

Url = Callable[..., str]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Url]:
    """Makes the URL of a database that is new, and empty; with `password=…`, of the server that it cannot enter so."""
    psycopg = pytest.importorskip("psycopg")
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="iolaus-pg-"))
    try:
        socket = _start(programs, user, folder)
        numbers = iter(range(1000))

        def url(password: str = PASSWORD) -> str:
            name = f"study{next(numbers)}"
            address = f"host={socket} user=sweeper password={PASSWORD} dbname=postgres"
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return f"postgresql://sweeper:{password}@/{name}?host={socket}"

        yield url
        _as(user, programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """The newest that are installed; Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("no PostgreSQL is installed here: there is no initdb")
    return Path(initdb).resolve().parent


def _user() -> str:
    """Whose the server is: it refuses to be root's."""
    if os.geteuid() != 0:
        return getpass.getuser()
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")


def _start(programs: Path, user: str, folder: Path) -> Path:
    """The folder of its socket: nobody else can take that, as one may a port."""
    if os.geteuid() == 0:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    made = _as(
        user, programs / "initdb", "-D", folder / "data", "-U", "sweeper", "--auth=scram-sha-256",
        f"--pwfile={folder / 'password'}", "--no-sync", "--locale=C", "--encoding=UTF8",
    )  # fmt: skip
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    started = made and _as(
        user, programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-o", options, "-t", _SECONDS,
        "-w", "start",
    )  # fmt: skip
    if not started:
        pytest.skip("PostgreSQL is installed, but does not start here")
    return folder


def _as(user: str, *command: Any) -> bool:
    other: dict[str, Any] = {"user": user, "group": pwd.getpwnam(user).pw_gid} if os.geteuid() == 0 else {}
    nothing = subprocess.DEVNULL  # a server that inherits a pipe keeps it open
    try:
        result = subprocess.run(
            list(map(str, command)), cwd="/", stdin=nothing, stdout=nothing, stderr=nothing, timeout=2 * _SECONDS,
            check=False, extra_groups=[] if other else None, **other,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
