"""Reads picture files with Pillow: each into uint8 pixels of one given size, each problem into one sentence."""

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
# By content, whatever the file is called: Pillow would hand PostScript to a program that runs it.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
_MAX_PIXELS = 89_478_485  # Pillow's own limit; it refuses from twice that, which for each core is half a gigabyte
_FILES_PER_ROUND = 1024  # what is decoded ahead of its reader stays in memory


def is_picture(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def picture_files(folder: Path) -> list[Path]:
    """The picture files in a folder and the folders in it, in the order of their names. Others are left out."""
    found, others = [], []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = [Path(parent, name) for name in names if not name.startswith(".")]
        found += [file for file in visible if is_picture(file)]
        others += [file for file in visible if not is_picture(file)]
    if found and others:
        warnings.warn(
            f"{len(others)} files in {folder} are left out, because their names do not end as pictures' do: "
            f"{min(others).name} is one.",
            stacklevel=2,
        )
    return sorted(found)


def decode_all(files: Sequence[Path], *, channels: int, height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """The pictures (C, H, W), one after the other; several at once are in the making."""
    decode_one = partial(decode, channels=channels, height=height, width=width)
    remaining = iter(tqdm(files, desc="pictures", unit="", leave=False, delay=1, disable=None))
    with ThreadPoolExecutor() as pool:
        while round_of_files := list(islice(remaining, _FILES_PER_ROUND)):
            yield from pool.map(decode_one, round_of_files)


def decode(file: Path, *, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """One picture (C, H, W): the largest centred part of the right proportions, scaled to the size.

    It is turned as its camera noted; what is transparent becomes white; several channels become one (grey) or three.

    Raises:
        ValueError: the file is damaged, no picture, or so large that it looks like an attack.
    """
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise Image.DecompressionBombError
            # A JPEG can be decoded at ½, ¼ or ⅛ of its size: twice the target is enough to scale down well from.
            image.draft(None, (2 * max(height, width),) * 2)
            pixels = np.asarray(_fit(image, "L" if channels == 1 else "RGB", height, width))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{file} has so many pixels that it may be an attack: scale it down or remove it.") from error
    except Exception as error:  # Pillow's readers raise whatever their formats suggest
        raise ValueError(f"{file} cannot be read as a picture ({error}): repair or remove it.") from error
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _fit(image: Image.Image, mode: str, height: int, width: int) -> Image.Image:
    upright = _in_bytes(ImageOps.exif_transpose(image))
    if upright.has_transparency_data:
        opaque = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    return ImageOps.fit(upright.convert(mode), (width, height), Image.Resampling.BILINEAR)


def _in_bytes(image: Image.Image) -> Image.Image:
    """The same picture with pixels of 8 bits: Pillow's own conversion would turn most of 16 bits to plain white."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("its pixels are numbers of 32 bits, and nothing says which of them is white")
    return image
