"""Runs commands of train.py and iolaus, each in a process that has its imports already: `python -m tests.forks`.

It imports what a run needs once. For each line on stdin, a JSON object, it forks a process that becomes the command,
and answers with a line {code, stdout, stderr}; a negative code is a signal's. That takes a second where a process of
its own takes five. What is read at import, or whether something is imported at all, only a process of its own shows.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
import tempfile
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, Any, NoReturn

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ended:
    """How a command ended. `code` is the exit code, or minus the signal's number."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


class Forks:
    """The other end: `with Forks() as run: run(["model=mlp"], folder)`."""

    def __init__(self) -> None:
        self._process: Popen[str] | None = None  # it starts with the first command

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._process:
            self._process.communicate()  # closes its stdin, at whose end it ends

    def __call__(
        self,
        arguments: list[str],
        folder: Path,
        *,
        verb: bool = False,
        environment: dict[str, str] | None = None,
        prelude: tuple[str, dict[str, Any]] | None = None,
        seconds: float = 240,
    ) -> Ended:
        """`prelude` names a module, and what its `prepare` is called with before the command begins."""
        job = {
            "arguments": arguments, "folder": str(folder), "verb": verb, "prelude": prelude, "seconds": seconds,
            "environment": os.environ | (environment or {}),
        }  # fmt: skip
        stdin, stdout = self._pipes()
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        return Ended(**json.loads(stdout.readline()))

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        if self._process is None:
            command = [sys.executable, "-m", "tests.forks"]
            self._process = Popen(command, cwd=REPOSITORY, stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def _serve() -> None:
    import iolaus.cli.verbs
    import iolaus.run
    import iolaus.tasks.confusion
    import iolaus.verbs.evaluate  # noqa: F401 - and all else that a command imports: for the processes to come
    from iolaus.config.check import check
    from iolaus.config.compose import compose

    check(compose([]))
    gc.freeze()  # or every process would copy what the collector touches
    for line in sys.stdin:
        print(json.dumps(_done(json.loads(line))), flush=True)


def _done(job: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        pid = os.fork()
        if pid == 0:
            _become(job, stdout.fileno(), stderr.fileno())
        code = _wait(pid, job["seconds"])
        for file in (stdout, stderr):
            file.seek(0)
        return {"code": code, "stdout": stdout.read(), "stderr": stderr.read()}


def _wait(pid: int, seconds: float) -> int:
    ends = os.pidfd_open(pid)
    is_over, _, _ = select.select([ends], [], [], seconds)
    os.close(ends)
    if not is_over:
        os.killpg(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _become(job: dict[str, Any], stdout: int, stderr: int) -> NoReturn:
    """The forked process is from here on what `python train.py …` would be."""
    code = 1
    try:
        os.setsid()
        for stream, file in enumerate((os.open(os.devnull, os.O_RDONLY), stdout, stderr)):
            os.dup2(file, stream)
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["environment"])
        if job["prelude"]:
            module, options = job["prelude"]
            importlib.import_module(module).prepare(**options)
        sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        _run(job["arguments"], job["verb"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)


def _run(arguments: list[str], verb: bool) -> None:
    sys.argv = ["iolaus" if verb else str(REPOSITORY / "train.py"), *arguments]
    if verb:
        sys.path[0] = os.getcwd()
        runpy.run_module("iolaus", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


def leave(code: int) -> NoReturn:
    """Ends a forked process as Python ends any other: threads and what waits for the exit are done."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
