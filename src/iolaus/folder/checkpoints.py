"""A run's checkpoints: the last, to go on from, the one before it, should that one be damaged, and the best.

A crash at any moment leaves at least one that is whole: digests.json tells which are.
"""

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

from iolaus import durable
from iolaus.folder import digests
from iolaus.folder.digests import Digests


class Checkpoints:
    """The checkpoints in RUN/checkpoints: never more than three, however long the run is."""

    def __init__(self, run: Path) -> None:
        self.folder = run / "checkpoints"
        self.new = self.folder / "new.ckpt"  # written, but not yet adopted
        self.last = self.folder / "last.ckpt"
        self.previous = self.folder / "previous.ckpt"
        self.best = self.folder / "best.ckpt"
        self._digests = Digests(self.folder)

    def adopt(self, *, is_best: bool, **facts: Any) -> None:
        """Makes `new` the last checkpoint, and the best one if it is. `facts` (plain values) are kept beside it.

        The best goes first: a crash in between leaves a run that comes to the same best once more.
        """
        known = self._digests.known() or {}
        kept = [self._digests.of(path) for path in (self.last, self.previous, self.best) if path.exists()]
        self._digests.keep({digest: known.get(digest, {}) for digest in kept} | {self._digests.of(self.new): facts})
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
            warnings.warn(f"{path} is damaged: its digest is not in {digests.NAME}.", stacklevel=2)
        if found:
            raise ValueError(
                f"no checkpoint in {self.folder} is whole: remove that folder to start the run anew, or name another."
            )
        return None

    def is_whole(self, path: Path) -> bool:
        """Whether the file is as it was written. Of files without digests nothing is known, so they are believed."""
        return self._digests.is_whole(path)

    def facts(self, path: Path) -> dict[str, Any]:
        """What was kept beside the checkpoint."""
        return self._digests.facts(path)


def _link(source: Path, target: Path) -> None:
    """A second name for the file, which is never written to again; a copy where the file system has no such thing."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    os.replace(partial, target)
