"""The weights that a run has kept from the ends of its schedule's cycles: RUN/snapshots/cycle-3.ckpt, say."""

import os
from pathlib import Path
from typing import Any

from iolaus import durable
from iolaus.folder.digests import Digests


class Snapshots:
    """Never more than were asked for. What a crash leaves is what was there before, or what was to be there."""

    def __init__(self, run: Path) -> None:
        self.folder = run / "snapshots"
        self.new = self.folder / "new.ckpt"  # written, but not yet adopted
        self._digests = Digests(self.folder)

    def adopt(self, cycle: int, *, last: int, **facts: Any) -> None:
        """Makes `new` the snapshot of this cycle (counted from 1), and removes those before the `last` so many.

        One of the same cycle is replaced: a run that goes on from a checkpoint before it comes to the same weights.
        """
        known = self._digests.known() or {}
        kept = {number: path for number, path in self._all().items() if cycle - last < number < cycle}
        records = {digest: known.get(digest, {}) for digest in map(self._digests.of, kept.values())}
        self._digests.keep(records | {self._digests.of(self.new): {"cycle": cycle, **facts}})
        os.replace(self.new, self._path(cycle))
        for number, path in self._all().items():
            if number not in (*kept, cycle):
                path.unlink()
        durable.sync(self.folder)

    def whole(self) -> list[Path]:
        """All of them, in their order.

        Raises:
            ValueError: if one is damaged.
        """
        paths = list(self._all().values())
        for path in paths:
            if not self._digests.is_whole(path):
                raise ValueError(f"{path} is damaged: its digest is not in digests.json.")
        return paths

    def _path(self, cycle: int) -> Path:
        return self.folder / f"cycle-{cycle}.ckpt"

    def _all(self) -> dict[int, Path]:
        numbers = (path.stem.removeprefix("cycle-") for path in self.folder.glob("cycle-*.ckpt"))
        return {number: self._path(number) for number in sorted(int(text) for text in numbers if text.isdecimal())}
