"""CIFAR-10's binary files: what their bytes mean, and what is said of damaged ones."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from iolaus.data.images import cifar10
from iolaus.data.images.cifar10 import CIFAR10, NAMES, TEST_FILES, TRAIN_FILES
from iolaus.spec import Classes, Image


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six files of four pictures. Picture n of all 24 has the class n mod 10, and its pixels say where they are."""
    monkeypatch.setattr(cifar10, "_PICTURES_PER_FILE", 4)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for place, name in enumerate((*TRAIN_FILES, *TEST_FILES)):
        with (folder / name).open("wb") as file:
            for number in range(4 * place, 4 * place + 4):
                file.write(bytes([number % 10]))
                for channel in range(3):
                    file.write(bytes((64 * channel + row + number) % 256 for row in range(32) for _ in range(32)))
    return tmp_path


def test_bytes_become_pictures_and_classes(root: Path) -> None:
    data = CIFAR10(root=str(root), batch_size=4)
    data.setup()
    assert (data.input, data.target) == (Image(3, 32, 32), Classes(NAMES)) == data.sketch()
    assert data.train.values.shape == (20, 3, 32, 32)
    assert data.train.values.dtype == torch.uint8
    assert data.test.batch(torch.tensor([3, 0])).target.tolist() == [3, 0]  # pictures 23 and 20 of all  # type: ignore[union-attr]
    picture = data.train.values[7]
    assert data.train.labels is not None
    assert data.train.labels[7] == 7
    for channel in range(3):
        want = (64 * channel + torch.arange(32) + 7).to(torch.uint8)
        assert torch.equal(picture[channel], want[:, None].expand(32, 32))


def test_validation_comes_from_training_and_never_from_test(root: Path) -> None:
    data = CIFAR10(root=str(root), batch_size=4, val_fraction=0.25)
    data.setup()
    assert torch.equal(torch.cat([data.train.rows, data.val.rows]).sort().values, torch.arange(20))
    assert (len(data.val), len(data.test)) == (5, 4)
    assert data.val.values.data_ptr() == data.train.values.data_ptr()  # parts share the memory


@pytest.mark.parametrize("name", ["data_batch_3.bin", "test_batch.bin"])
def test_a_file_of_a_wrong_size_is_named(root: Path, name: str) -> None:
    file = root / "cifar-10-batches-bin" / name
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{name} has 12291 bytes instead of 12292: delete the folder"):
        CIFAR10(root=str(root)).setup()
    file.unlink()
    with pytest.raises(ValueError, match=rf"{name} has 0 bytes"):
        CIFAR10(root=str(root)).setup()


def test_a_class_that_is_none_is_named(root: Path) -> None:
    file = root / "cifar-10-batches-bin" / "data_batch_1.bin"
    file.write_bytes(b"\x0b" + file.read_bytes()[1:])
    with pytest.raises(ValueError, match=r"data_batch_1\.bin is damaged \(it has a class 11;"):
        CIFAR10(root=str(root)).setup()


@pytest.mark.skipif("IOLAUS_DATA" not in os.environ, reason="IOLAUS_DATA does not say where CIFAR-10 is")
def test_the_real_ones() -> None:
    data = CIFAR10(root=os.environ["IOLAUS_DATA"], batch_size=128, crop=4, flip=True)
    data.setup()
    assert (len(data.train), len(data.val), len(data.test)) == (45_000, 5_000, 10_000)
    assert data.train.targets.bincount().tolist() == pytest.approx([4500] * 10, abs=1)
    assert data.test.targets.bincount().tolist() == [1000] * 10
    assert data.mean == pytest.approx([125.3, 123.0, 113.9], abs=1)  # as published for the original pictures
    assert data.std == pytest.approx([63.0, 62.1, 66.7], abs=1)
    sky, grass = np.asarray([2, 1])  # blue, green
    planes, frogs = (data.test.values[data.test.targets == NAMES.index(name)].float() for name in ("airplane", "frog"))
    assert planes[:, sky].mean() > frogs[:, sky].mean() + 30
    assert frogs[:, grass].mean() < planes[:, grass].mean()
