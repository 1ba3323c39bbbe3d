"""Picture files of every kind become uint8 pixels of one size; what cannot is named."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iolaus.data.images.decoding import decode, decode_all, picture_files


def saved(folder: Path, name: str, image: Image.Image, **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "tif", "gif", "webp", "jpg", "JPEG"])
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    file = saved(tmp_path, f"x.{suffix}", Image.new("RGB", (16, 16), (200, 100, 50)))
    pixels = decode(file, channels=3, height=16, width=16)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.reshape(3, -1).T.astype(int) - [200, 100, 50]).max() <= 3
    grey = decode(file, channels=1, height=16, width=16)
    assert grey.shape == (1, 16, 16)
    assert abs(int(grey[0, 0, 0]) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 3


def test_a_picture_of_the_right_size_keeps_every_pixel(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    file = saved(tmp_path, "x.png", Image.fromarray(pixels))
    assert np.array_equal(decode(file, channels=3, height=5, width=7), pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(("width", "height"), [(32, 8), (8, 32)])
def test_the_centre_is_kept(tmp_path: Path, width: int, height: int) -> None:
    pixels = np.zeros((height, width), np.uint8)
    pixels[height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4] = 255
    file = saved(tmp_path, "x.png", Image.fromarray(pixels))
    kept = decode(file, channels=1, height=4, width=4)
    assert kept.min() > 200  # scaling down looks a little over the edge of what is kept
    assert np.array_equal(kept, kept[:, ::-1, ::-1])


def test_a_large_jpeg_is_scaled_as_a_whole(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 1024).astype(np.uint8), (1024, 1024))
    file = saved(tmp_path, "x.jpg", Image.fromarray(ramp), quality=95)
    columns = decode(file, channels=1, height=16, width=16)[0].mean(0)
    assert columns == pytest.approx((np.arange(16) + 0.5) * 16 - 0.5, abs=3)


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    clear = saved(tmp_path, "clear.png", Image.new("RGBA", (4, 4), (0, 0, 0, 0)))
    assert decode(clear, channels=3, height=4, width=4).min() == 255
    palette = saved(tmp_path, "palette.png", Image.new("P", (4, 4), 0), transparency=b"\x00")
    assert decode(palette, channels=3, height=4, width=4).min() == 255


def test_pictures_are_turned_as_their_camera_noted(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:, :4] = 255  # bright on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right by a quarter
    file = saved(tmp_path, "x.png", Image.fromarray(pixels), exif=exif)
    upright = decode(file, channels=1, height=8, width=8)[0]
    assert (upright[:4].min(), upright[4:].max()) == (255, 0)  # bright at the top


def test_sixteen_bits_keep_their_shades(tmp_path: Path) -> None:
    deep = np.array([[0, 1 << 12], [1 << 15, (1 << 16) - 1]], np.uint16)
    file = saved(tmp_path, "x.png", Image.fromarray(deep))
    assert decode(file, channels=1, height=2, width=2).ravel().tolist() == [0, 16, 128, 255]
    floats = saved(tmp_path, "x.tif", Image.fromarray(deep.astype(np.float32)))
    with pytest.raises(ValueError, match=r"x\.tif cannot be read as a picture \(its pixels are numbers of 32 bits"):
        decode(floats, channels=1, height=2, width=2)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tif"])
@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_an_unreadable_picture_is_named(tmp_path: Path, suffix: str, damage: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = saved(tmp_path, f"broken.{suffix}", Image.fromarray(noise))
    whole = file.read_bytes()
    file.write_bytes({"cut": whole[: len(whole) // 2], "text": b"I am no picture", "empty": b""}[damage])
    with pytest.raises(ValueError, match=rf"broken\.{suffix} cannot be read as a picture \(.*\): repair or remove it"):
        decode(file, channels=3, height=8, width=8)


def test_a_picture_bomb_is_named(tmp_path: Path) -> None:
    """A few bytes that claim 40 000 × 40 000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(ValueError, match=r"bomb\.png has so many pixels that it may be an attack"):
        decode(bomb, channels=3, height=8, width=8)


def test_many_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iolaus.data.images.decoding._FILES_PER_ROUND", 4)
    files = [saved(tmp_path, f"{number}.png", Image.new("L", (2, 2), number)) for number in range(11)]
    pixels = [int(picture[0, 0, 0]) for picture in decode_all(files, channels=1, height=2, width=2)]
    assert pixels == list(range(11))


def test_pictures_are_found_in_folders_of_folders(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name in ("b.PNG", "in/a.jpg", "in/deep/c.webp", ".hidden/d.png", ".e.png", ".DS_Store"):
        (tmp_path / name).touch()
    found = [str(file.relative_to(tmp_path)) for file in picture_files(tmp_path)]
    assert found == ["b.PNG", "in/a.jpg", "in/deep/c.webp"]


def test_other_files_are_left_out_aloud(tmp_path: Path) -> None:
    for name in ("a.png", "b.heic", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.warns(UserWarning, match=r"2 files in .* are left out, .*: b\.heic is one"):
        assert [file.name for file in picture_files(tmp_path)] == ["a.png"]
