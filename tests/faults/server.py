"""Runs commands of train.py, each in a process that has its imports already: `python -m tests.faults.server`.

It imports what a run needs once. For each line on stdin, a JSON object {argv, folder, fault}, it forks a process that
arms the fault and runs train.py in the folder, and answers with a line {code, output}; a negative code is a signal's.
"""

import gc
import json
import os
import runpy
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended. `code` is the exit code, or minus the signal's number; `output` all that it said."""

    code: int
    output: str


class Server:
    """The other end: `with Server() as run: run(["model=mlp"], folder)`."""

    def __enter__(self) -> "Server":
        command = [sys.executable, "-m", "tests.faults.server"]
        self._process = Popen(command, cwd=REPOSITORY, stdin=PIPE, stdout=PIPE, text=True)
        return self

    def __exit__(self, *_: Any) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __call__(self, argv: list[str], folder: Path, fault: dict[str, Any] | None = None) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"argv": argv, "folder": str(folder), "fault": fault}) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def _serve() -> None:
    import iolaus.run
    import iolaus.tasks.confusion  # noqa: F401 - and all else that a run imports: for the processes to come
    from iolaus.config.check import check
    from iolaus.config.compose import compose
    from tests.faults.fault import Fault

    check(compose([]))
    gc.freeze()  # or every process would copy what the collector touches

    for line in sys.stdin:
        job = json.loads(line)
        with tempfile.TemporaryFile("w+") as output:
            pid = os.fork()
            if pid == 0:
                fault = Fault(**job["fault"]) if job["fault"] else None
                _become(job["argv"], job["folder"], fault, output.fileno())
            _, status = os.waitpid(pid, 0)
            output.seek(0)
            print(json.dumps({"code": os.waitstatus_to_exitcode(status), "output": output.read()}), flush=True)


def _become(argv: list[str], folder: str, fault: Any, output: int) -> None:
    """Never returns: the forked process is from here on what `python train.py …` would be."""
    from iolaus import processes
    from tests.faults import rank

    processes.subprocess = rank  # type: ignore[assignment]
    code = 1
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(output, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        sys.argv = [str(REPOSITORY / "train.py"), *argv]
        if fault:
            fault.arm()
        runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        rank.leave(code)


if __name__ == "__main__":
    _serve()
