"""digests.json: the SHA-256 of each file of weights in a folder, and what is kept beside it.

It is written before a file gets its name: one whose digest is not in there was cut short or changed, and is not used.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from iolaus import durable

NAME = "digests.json"


class Digests:
    """Of the files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME
        self._hashed: dict[tuple[int, int, int], str] = {}  # by inode, time and size: renaming changes none of them

    def keep(self, facts: dict[str, dict[str, Any]]) -> None:
        """From now on these digests are known, and no others: with plain values beside each."""
        durable.write_text(self._file, json.dumps(facts, indent=2))

    def known(self) -> dict[str, dict[str, Any]] | None:
        """What is kept beside each digest; None if there is no such file, or it is damaged."""
        try:
            return json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return None

    def is_whole(self, path: Path) -> bool:
        """Whether the file is as it was written. Of files without digests nothing is known, so they are believed."""
        known = self.known()
        return known is None or self.of(path) in known

    def facts(self, path: Path) -> dict[str, Any]:
        """What was kept beside the file."""
        return (self.known() or {}).get(self.of(path), {})

    def of(self, path: Path) -> str:
        status = path.stat()
        key = status.st_ino, status.st_mtime_ns, status.st_size
        if key not in self._hashed:
            with path.open("rb") as file:
                self._hashed[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._hashed[key]
