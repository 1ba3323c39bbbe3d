"""The user's own pictures: both layouts of folders, what is held out, the cache, and every mistake in one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from iolaus.data.images import picture_cache
from iolaus.data.images.image_folder import ImageFolder
from iolaus.spec import Classes, Image


def fill(folder: Path, num_pictures: int, shade: int) -> None:
    """Pictures of one shade each, going up by one."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_pictures):
        Pillow.new("L", (6, 6), shade + number).save(folder / f"{number:02}.png")


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Ten pictures of shades 0 … 9 in one class, ten of 100 … 109 in another."""
    root = tmp_path / "pictures"
    fill(root / "dark", 10, 0)
    fill(root / "light", 10, 100)
    return root


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for part, shade in {"train": 0, "test": 50}.items():
        fill(root / part / "dark", 10, shade)
        fill(root / part / "light", 10, shade + 100)
    return root


def ready(root: Path, **options: Any) -> ImageFolder:
    data = ImageFolder(root=str(root), **{"size": 4, "grayscale": True, "batch_size": 4} | options)
    data.setup()
    return data


def shades(data: ImageFolder, part: str) -> list[int]:
    pictures = getattr(data, part)
    return sorted(pictures.batch(torch.arange(len(pictures))).input[:, 0, 0, 0].tolist())


def test_without_a_test_folder_one_is_held_out_by_the_seed(classes: Path) -> None:
    data, again, other = ready(classes), ready(classes), ready(classes, seed=1)
    assert (len(data.train), len(data.val), len(data.test)) == (14, 2, 4)
    assert sorted(shades(data, "train") + shades(data, "val") + shades(data, "test")) == [
        *range(10),
        *range(100, 110),
    ]
    assert shades(data, "test") == shades(again, "test") != shades(other, "test")
    assert data.test.targets.bincount().tolist() == [2, 2]
    assert len(ready(classes, test_fraction=0.5).test) == 10


def test_labels_are_the_folders(classes: Path) -> None:
    data = ready(classes)
    assert (data.input, data.target) == (Image(1, 4, 4), Classes(("dark", "light")))
    for pictures in (data.train, data.val, data.test):
        batch = pictures.batch(torch.arange(len(pictures)))
        assert torch.equal(batch.target, (batch.input[:, 0, 0, 0] >= 100).long())


def test_colour_and_size_are_options(classes: Path) -> None:
    data = ready(classes, grayscale=False, size=9)
    assert data.input == Image(3, 9, 9) == data.sketch()[0]
    assert data.train.values.shape == (20, 3, 9, 9)


def test_train_and_test_folders_are_kept_apart(splits: Path) -> None:
    data = ready(splits)
    assert shades(data, "test") == [*range(50, 60), *range(150, 160)]
    assert sorted(shades(data, "train") + shades(data, "val")) == [*range(10), *range(100, 110)]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_folder_is_used(splits: Path, name: str) -> None:
    fill(splits / name / "dark", 3, 30)
    data = ready(splits)
    assert shades(data, "val") == [30, 31, 32]
    assert len(data.train) == 20


def test_fractions_without_effect_are_warned_of(splits: Path) -> None:
    fill(splits / "val" / "dark", 3, 30)
    with pytest.warns(UserWarning, match="has no effect") as warned:
        ready(splits, val_fraction=0.3, test_fraction=0.4)
    first, second = sorted(str(warning.message) for warning in warned)
    assert first.startswith("data.test_fraction=0.4 has no effect")
    assert second.startswith("data.val_fraction=0.3 has no effect")


def test_what_is_left_out_is_warned_of(splits: Path) -> None:
    fill(splits / "raw", 1, 0)
    Pillow.new("L", (2, 2)).save(splits / "train" / "stray.png")
    with (
        pytest.warns(UserWarning, match=r"1 pictures in .*train are in no class and left out: stray\.png is one"),
        pytest.warns(UserWarning, match="raw beside them is left out"),
    ):
        ready(splits)


def test_classes_may_be_called_train_and_ship(tmp_path: Path) -> None:
    fill(tmp_path / "train", 5, 0)
    fill(tmp_path / "ship", 5, 100)
    assert ready(tmp_path, batch_size=2).target == Classes(("ship", "train"))


def remove_all(root: Path) -> None:
    for file in root.rglob("*.png"):
        file.unlink()


def spoil(root: Path) -> None:
    (root / "dark" / "03.png").write_bytes(b"no picture")


def only_one_class(root: Path) -> None:
    for file in (root / "light").iterdir():
        file.unlink()
    (root / "light").rmdir()


def only_train(root: Path) -> None:
    for name in ("dark", "light"):
        (root / name).rename(root / f"{name}_")
        (root / "train").mkdir(exist_ok=True)
        (root / f"{name}_").rename(root / "train" / name)


def train_and_val(root: Path) -> None:
    only_train(root)
    fill(root / "val" / "dark", 2, 0)


def unknown_test_class(root: Path) -> None:
    only_train(root)
    fill(root / "test" / "dusk", 2, 0)


def empty_test(root: Path) -> None:
    only_train(root)
    (root / "test").mkdir()


MISTAKES = {
    remove_all: r"dark has no pictures \(\.png, \.jpg, …\): put some there or remove the folder",
    spoil: r"dark/03\.png cannot be read as a picture",
    only_one_class: r"holds only the class dark: it takes one folder of pictures per class, and two",
    only_train: r"has train, but it takes both train and test: .* data\.root=.*/train",
    train_and_val: r"has train and val, but it takes both train and test",
    unknown_test_class: r"test/dusk is a class without training pictures: the classes are dark, light",
    empty_test: r"test has no pictures",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_mistakes_are_named(classes: Path, mistake: Callable[[Path], None]) -> None:
    mistake(classes)
    with pytest.raises(ValueError, match=MISTAKES[mistake]) as failure:
        ready(classes)
    assert "\n" not in str(failure.value)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.root=.*missing is no folder"):
        ready(tmp_path / "missing")
    with pytest.raises(ValueError, match="holds no folders: it takes one folder of pictures per class"):
        ready(tmp_path)


# The cache: the same answers, decoded once.


@pytest.fixture
def num_decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures were decoded, by each call; and everything is large enough for a file."""
    calls: list[int] = []
    decode_all = picture_cache.decode_all

    def counted(files: Any, **size: int) -> Any:
        calls.append(len(files))
        return decode_all(files, **size)

    monkeypatch.setattr(picture_cache, "_IN_MEMORY", 0)
    monkeypatch.setattr(picture_cache, "decode_all", counted)
    return calls


def caches(root: Path) -> list[Path]:
    return [file for file in (root / ".iolaus").iterdir() if file.name != "lock"]


def test_many_pictures_are_decoded_once_into_a_file(classes: Path, num_decoded: list[int]) -> None:
    first, second = ready(classes), ready(classes)
    assert num_decoded == [20]
    assert len(caches(classes)) == 1
    assert torch.equal(first.train.values, second.train.values)
    for part in ("train", "val", "test"):
        assert shades(first, part) == shades(second, part)
    assert sorted(first.train.values[:, 0, 0, 0].tolist()) == [*range(10), *range(100, 110)]


def test_the_file_is_never_written_to_by_a_run(classes: Path, num_decoded: list[int]) -> None:
    data = ready(classes)
    data.train.values.zero_()
    assert ready(classes).train.values.max() == 109
    assert num_decoded == [20]


@pytest.mark.parametrize("change", ["another picture", "one more", "one less"])
def test_a_change_makes_a_new_file_and_removes_the_old(classes: Path, num_decoded: list[int], change: str) -> None:
    ready(classes)
    if change == "another picture":
        Pillow.new("L", (6, 6), 77).save(classes / "dark" / "00.png", compress_level=0)
    elif change == "one more":
        Pillow.new("L", (6, 6), 77).save(classes / "dark" / "99.png")
    else:
        (classes / "dark" / "00.png").unlink()
    data = ready(classes)
    assert len(num_decoded) == 2
    assert len(caches(classes)) == 1
    assert (77 in data.train.values) == (change != "one less")


def test_each_size_has_its_own_file(classes: Path, num_decoded: list[int]) -> None:
    for size in (4, 5, 4, 5):
        assert ready(classes, size=size).input == Image(1, size, size)
    assert num_decoded == [20, 20]


@pytest.mark.usefixtures("num_decoded")
def test_an_interrupted_decoding_leaves_no_file(classes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: int) -> Any:
        yield np.zeros((1, 4, 4), np.uint8)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(picture_cache, "decode_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ready(classes)
    assert caches(classes) == []
    assert ready(classes).train.values.max() == 109


@pytest.mark.usefixtures("num_decoded")
def test_an_unreadable_picture_leaves_no_file(classes: Path) -> None:
    spoil(classes)
    with pytest.raises(ValueError, match=r"03\.png cannot be read"):
        ready(classes)
    assert caches(classes) == []


@pytest.mark.usefixtures("num_decoded")
def test_where_no_file_can_be_written_memory_will_do(classes: Path) -> None:
    (classes / ".iolaus").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match=r"\.iolaus cannot be written \(File exists\), so all 20 pictures"):
        data = ready(classes)
    assert data.train.values.max() == 109
