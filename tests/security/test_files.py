"""Files from strangers: archives, pictures, tables, texts, pickles. Each is refused in one sentence; nothing is run,
written outside, or allocated."""

import io
import json
import pickle
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iolaus.data.download import extract
from iolaus.data.images import cifar10
from iolaus.data.images.cifar10 import CIFAR10
from iolaus.data.images.decoding import decode
from iolaus.data.images.image_folder import ImageFolder
from iolaus.data.images.picture_cache import load_pictures
from iolaus.data.series.series_file import SeriesFile
from iolaus.data.text.reviews import Reviews
from iolaus.data.text.texts import Texts
from iolaus.hardware import peak_memory_mb
from iolaus.transfer.pretrained.published import open_published
from tests.security.conftest import Canary, Gadget

TEN_GB = 10 * 2**30


def _sentence(read: Callable[[], object]) -> str:
    """The one that it is refused with, after at most 100 MB of new memory."""
    before = peak_memory_mb()
    with pytest.raises(ValueError, match=r".") as refused:
        read()
    assert peak_memory_mb() - before < 100
    assert "\n" not in str(refused.value)
    return str(refused.value)


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


@pytest.mark.parametrize(
    "member",
    [
        _member("../owned", size=4),
        _member("data/../../owned", size=4),
        _member("/tmp/owned-by-a-tar", size=4),
        _member("link", tarfile.SYMTYPE, "/etc"),
        _member("link", tarfile.LNKTYPE, "/etc/passwd"),
        _member("link", tarfile.SYMTYPE, "../../precious"),
        _member("device", tarfile.CHRTYPE),
        _member("disk", tarfile.BLKTYPE),
        _member("pipe", tarfile.FIFOTYPE),
        _member("bomb", size=TEN_GB),
    ],
    ids=lambda member: f"{member.name} {member.linkname}".strip(),
)
def test_a_hostile_archive_leaves_nothing(member: tarfile.TarInfo, tmp_path: Path) -> None:
    archive, inner = tmp_path / "a.tar.gz", tmp_path / "in"
    inner.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(_member("data/good.txt"), io.BytesIO())
        tar.fileobj.write(member.tobuf())  # type: ignore[union-attr] - the content of ten gigabytes is left out
        tar.fileobj.write(b"evil".ljust(512, b"\0"))  # type: ignore[union-attr]
    assert str(archive) in _sentence(lambda: extract(archive, inner / "out", max_bytes=2**20))
    assert {path.name for path in tmp_path.rglob("*")} == {"a.tar.gz", "in"}
    assert not Path("/tmp/owned-by-a-tar").exists()


def test_a_cifar_pickle_is_not_unpickled(tmp_path: Path, canary: Canary) -> None:
    """Its better known version is made of pickles. Only bytes are read, whatever the file holds."""
    folder = tmp_path / cifar10.ARCHIVE.laid_out
    folder.mkdir()
    gadget = pickle.dumps({b"data": Gadget(canary), b"labels": [0]})
    for content in (gadget, gadget.ljust(10_000 * 3073, b"\xff")):
        for name in (*cifar10.TRAIN_FILES, *cifar10.TEST_FILES):
            (folder / name).write_bytes(content)
        assert "data_batch_1.bin" in _sentence(CIFAR10(root=str(tmp_path), batch_size=8).setup)
    canary.assert_alive()


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_picture_bomb_is_not_unfolded(tmp_path: Path) -> None:
    """100 million pixels in a hundred kilobytes; Pillow alone would only warn."""
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(_png(10_000, 10_000, zlib.compress(bytes(10_000 * 1251), 9)))
    assert "may be an attack" in _sentence(lambda: decode(bomb, channels=3, height=8, width=8))


def test_a_bomb_in_a_folder_of_pictures_is_named(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.new("L", (8, 8)).save(tmp_path / name / f"{number}.png")
    (tmp_path / "dog" / "bomb.png").write_bytes(_png(40_000, 40_000))
    data = ImageFolder(root=str(tmp_path), size=8, batch_size=2)
    assert "bomb.png has so many pixels" in _sentence(data.setup)


def test_postscript_in_a_pictures_clothes_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow goes by the content, and would call Ghostscript."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    file = tmp_path / "cat.png"
    file.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) run\n")
    assert "cat.png cannot be read as a picture" in _sentence(lambda: decode(file, channels=3, height=8, width=8))


def test_a_cache_of_pickles_is_made_anew(tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives away a folder of pictures can put a cache into it."""
    monkeypatch.setattr("iolaus.data.images.picture_cache._IN_MEMORY", 0)
    Image.new("L", (8, 8), 7).save(tmp_path / "a.png")
    load_pictures(tmp_path, [tmp_path / "a.png"], channels=1, size=8)
    (cache,) = (tmp_path / ".iolaus").glob("*.npy")
    for value in (np.array([Gadget(canary)]), np.zeros((1, 1, 9, 9), np.uint8), np.zeros((1, 1, 8, 8), np.float64)):
        np.save(cache, value, allow_pickle=True)
        assert load_pictures(tmp_path, [tmp_path / "a.png"], channels=1, size=8).unique().tolist() == [7]
    cache.write_bytes(b"")
    assert load_pictures(tmp_path, [tmp_path / "a.png"], channels=1, size=8).unique().tolist() == [7]
    canary.assert_alive()


def _sparse(path: Path, head: bytes) -> Path:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(TEN_GB)
    return path


@pytest.mark.parametrize("head", [b"", b"date,load\n", b"text,label\n2024-01-01,1\n"], ids=["", "header", "row"])
def test_ten_gigabytes_of_zeros_are_no_table(head: bytes, tmp_path: Path) -> None:
    file = _sparse(tmp_path / "zeros.csv", head)
    assert "zeros.csv" in _sentence(SeriesFile(root=str(file), batch_size=8).setup)
    assert "zeros.csv" in _sentence(Texts(root=str(file), batch_size=8).setup)


def test_an_endless_line_is_given_up_early(tmp_path: Path) -> None:
    """17 MiB stand for 10 GB: no more than that is read before it is refused."""
    file = tmp_path / "line.csv"
    file.write_bytes(b"date,load\n" + b"1," * (17 * 2**19))
    assert "more than 16 MiB" in _sentence(SeriesFile(root=str(file), batch_size=8).setup)
    assert "more than 16 MiB" in _sentence(Texts(root=str(file), batch_size=8).setup)


def test_a_text_of_ten_gigabytes_is_no_text(tmp_path: Path) -> None:
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text("words")
    _sparse(tmp_path / "bad" / "2.txt", b"words")
    assert "2.txt" in _sentence(Texts(root=str(tmp_path), batch_size=8).setup)


@pytest.mark.parametrize(
    "text", ["", "not a tokenizer", "[]", "{}", json.dumps({"model": {"type": "Pickle"}}), "\0" * 100], ids=repr
)
def test_a_tokenizer_that_is_not_one_is_one_sentence(text: str) -> None:
    """It comes with a checkpoint, which may be a stranger's."""
    data = Reviews(batch_size=8)
    assert "tokenizer" in _sentence(lambda: data.inherit({"tokenizer": text}))


@pytest.mark.parametrize("text", ["", "[]", "3", "not json", '{"model_type": "bert"}', "\xff"], ids=repr)
def test_published_weights_that_are_none_are_one_sentence(text: str, tmp_path: Path) -> None:
    """A folder for `init_from=hf:FOLDER`, with anything in its three files."""
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    published = open_published(f"hf:{tmp_path}")
    if "bert" not in text:
        assert "config.json" in _sentence(lambda: published.config)
    (tmp_path / "config.json").write_text('{"model_type": "bert", "vocab_size": 8}')
    published = open_published(f"hf:{tmp_path}")
    assert "tokenizer.json" in _sentence(published.fitted)
    assert "model.safetensors" in _sentence(lambda: published.load_into(torch.nn.Linear(1, 1)))


def test_what_is_no_spec_is_no_class_of_ours() -> None:
    from iolaus.spec import from_plain

    for plain in ({"kind": "Module"}, {"kind": "os.system", "x": 1}, {}, {"kind": "Image", "depth": 3}):
        with pytest.raises((KeyError, TypeError)):
            from_plain(plain)
    assert not torch.cuda.is_initialized()
