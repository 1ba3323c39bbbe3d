"""A run's checkpoints: the last, to go on from, the one before it, should that one be damaged, and the best.

digests.json holds the SHA-256 of each, and is written before a checkpoint gets its name: a file whose digest is not in
there was cut short or changed, and is not used. A crash at any moment leaves at least one that is whole.
"""

import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

from iolaus import durable


class Checkpoints:
    """The checkpoints in RUN/checkpoints: never more than three, however long the run is."""

    def __init__(self, run: Path) -> None:
        self.folder = run / "checkpoints"
        self.new = self.folder / "new.ckpt"  # written, but not yet adopted
        self.last = self.folder / "last.ckpt"
        self.previous = self.folder / "previous.ckpt"
        self.best = self.folder / "best.ckpt"
        self._digests = self.folder / "digests.json"
        self._hashed: dict[tuple[int, int, int], str] = {}  # by inode, time and size: renaming changes none of them

    def adopt(self, *, is_best: bool, **facts: Any) -> None:
        """Makes `new` the last checkpoint, and the best one if it is. `facts` (plain values) are kept beside it.

        The best goes first: a crash in between leaves a run that comes to the same best once more.
        """
        known = self._known() or {}
        kept = {self._digest(path): path for path in (self.last, self.previous, self.best) if path.exists()}
        records = {digest: known.get(digest, {}) for digest in kept} | {self._digest(self.new): facts}
        durable.write_text(self._digests, json.dumps(records, indent=2))
        if is_best:
            _link(self.new, self.best)
        if self.last.exists():
            os.replace(self.last, self.previous)
        os.replace(self.new, self.last)
        durable.sync(self.folder)

    def newest(self) -> Path | None:
        """The newest checkpoint that is whole; a warning names each newer one that is not. None if there is none.

        Raises:
            ValueError: if there are some, and all of them are damaged.
        """
        found = [path for path in (self.last, self.previous) if path.exists()]
        for path in found:
            if self.is_whole(path):
                return path
            warnings.warn(f"{path} is damaged: its digest is not in {self._digests.name}.", stacklevel=2)
        if found:
            raise ValueError(
                f"no checkpoint in {self.folder} is whole: remove that folder to start the run anew, or name another."
            )
        return None

    def is_whole(self, path: Path) -> bool:
        """Whether the file is as it was written. Of files without digests nothing is known, so they are believed."""
        known = self._known()
        return known is None or self._digest(path) in known

    def facts(self, path: Path) -> dict[str, Any]:
        """What was kept beside the checkpoint."""
        return (self._known() or {}).get(self._digest(path), {})

    def _known(self) -> dict[str, dict[str, Any]] | None:
        try:
            return json.loads(self._digests.read_bytes())
        except (OSError, ValueError):
            return None

    def _digest(self, path: Path) -> str:
        status = path.stat()
        key = status.st_ino, status.st_mtime_ns, status.st_size
        if key not in self._hashed:
            with path.open("rb") as file:
                self._hashed[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._hashed[key]


def _link(source: Path, target: Path) -> None:
    """A second name for the file, which is never written to again; a copy where the file system has no such thing."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    os.replace(partial, target)
