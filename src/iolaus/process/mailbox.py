"""Messages between a run and whoever started it, where they share a folder and no pipe: a run of several processes, a
job on another machine. Each side appends lines to a file that the other reads."""

import json
import time
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.05


class Mailbox:
    """One side of it.

    outgoing, incoming: `reports.jsonl` and `answers.jsonl` in the folder, for the run; the other way round for the
    other side.
    """

    def __init__(self, outgoing: Path, incoming: Path) -> None:
        self._outgoing, self._incoming = outgoing, incoming
        self._num_read = 0  # bytes

    @classmethod
    def of_run(cls, folder: Path) -> "Mailbox":
        return cls(folder / "reports.jsonl", folder / "answers.jsonl")

    @classmethod
    def of_starter(cls, folder: Path) -> "Mailbox":
        """Empty: what an earlier attempt wrote is gone."""
        for name in ("reports.jsonl", "answers.jsonl"):
            (folder / name).unlink(missing_ok=True)
        return cls(folder / "answers.jsonl", folder / "reports.jsonl")

    def send(self, message: Any) -> None:
        with self._outgoing.open("a") as file:
            file.write(json.dumps(message) + "\n")

    def received(self) -> list[Any]:
        """The messages that are new, and whole."""
        try:
            with self._incoming.open("rb") as file:
                file.seek(self._num_read)
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._num_read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def wait(self) -> Any:
        """The next message, however long that takes."""
        while not (messages := self.received()):
            time.sleep(_POLL_SECONDS)
        (message,) = messages
        return message
