"""The user's own pictures of two domains: a folder with classes to learn from, and a folder to adapt to."""

import warnings
from pathlib import Path
from typing import Any

import torch

from iolaus.data.images.decoding import picture_files
from iolaus.data.images.domains import DomainImages
from iolaus.data.images.image_folder import class_names, labelled, parts_of
from iolaus.data.images.images import Loaded
from iolaus.data.images.picture_cache import load_pictures
from iolaus.data.images.pictures import Pictures
from iolaus.data.splits import Share, held_out
from iolaus.ranges import Count
from iolaus.spec import Domains, Image

_VAL_FRACTION = 0.1
_TEST_FRACTION = 0.2


class ImageDomains(DomainImages):
    """
    root: the labelled domain: root/CLASS/…, or root/train/CLASS/… and, where there is one, root/val/CLASS/….
    other: the other domain: other/train/…, in which folders mean nothing, and other/test/CLASS/…; or other/CLASS/…, of
        which a part tests, and of the rest nobody looks at the classes.
    size: side in pixels that every picture is scaled to, after what exceeds a centred square is cut off.
    grayscale: one channel instead of red, green and blue.
    val_fraction: how much of the labelled domain validates where there is no root/val; by default a tenth.
    test_fraction: how much of the other domain tests where there is no other/test; by default a fifth.
    """

    def __init__(
        self,
        *,
        root: str,
        other: str,
        size: Count = 64,
        grayscale: bool = False,
        val_fraction: Share | None = None,
        test_fraction: Share | None = None,
        **options: Any,
    ) -> None:
        super().__init__(val_fraction=val_fraction or _VAL_FRACTION, **options)
        self.root, self.other_root = Path(root), Path(other)
        self.size = size
        self.num_channels = 1 if grayscale else 3
        self.fractions = {"val": val_fraction, "test": test_fraction}

    def sketch(self) -> tuple[Image, Domains]:
        return Image(self.num_channels, self.size, self.size), Domains(("a", "b"))

    def files(self) -> Path:
        return self.root

    def domains(self) -> tuple[Loaded, Pictures]:
        parts = parts_of(self.root)
        names = class_names(parts["train"])
        self._warn_of_unused(parts, "test", "val")
        listed = labelled(parts["train"], names, is_whole=True)
        validating = labelled(parts["val"], names, is_whole=False) if "val" in parts else []
        whole = self._pictures(self.root, *zip(*listed, *validating, strict=True))
        rows = whole.rows.split([len(listed), len(validating)])
        val = whole.part(rows[1]) if validating else None
        other, test = self._other(names)
        return Loaded(whole.part(rows[0]), test, Domains(names), val), other

    def _other(self, names: tuple[str, ...]) -> tuple[Pictures, Pictures]:
        """What training sees of the other domain, and what is tested."""
        parts = parts_of(self.other_root, "data.other")
        if "test" not in parts:
            whole = self._pictures(
                self.other_root, *zip(*labelled(self.other_root, names, is_whole=False), strict=True)
            )
            stay, held = held_out(whole.targets, self.fractions["test"] or _TEST_FRACTION, self.seed)
            return whole.part(stay), whole.part(held)
        self._warn_of_unused(parts, "val", "test")
        seen = picture_files(parts["train"])
        if not seen:
            raise ValueError(f"{parts['train']} has no pictures: put those of the other domain there.")
        tested, labels = zip(*labelled(parts["test"], names, is_whole=False), strict=True)
        whole = self._pictures(self.other_root, (*seen, *tested), (*(-1 for _ in seen), *labels))
        train, test = whole.rows.split([len(seen), len(tested)])
        return whole.part(train), whole.part(test)

    def _pictures(self, root: Path, files: tuple[Path, ...], labels: tuple[int, ...]) -> Pictures:
        values = load_pictures(root, files, channels=self.num_channels, size=self.size)
        return Pictures.whole(values, torch.tensor(labels))

    def _warn_of_unused(self, parts: dict[str, Path], unused: str, used: str) -> None:
        if unused in parts:
            warnings.warn(
                f"{parts[unused]} is left out: the labelled domain validates, and the other one is tested.",
                stacklevel=3,
            )
        if used in parts and self.fractions[used] is not None:
            warnings.warn(
                f"data.{used}_fraction={self.fractions[used]} has no effect, because there is {parts[used]}.",
                stacklevel=3,
            )
