"""Pictures of two domains: who sees what, whose labels are looked at when, and that batches follow from the seed."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pillow

from iolaus.data.images.digits import read_digits
from iolaus.data.images.digits_domains import DigitsDomains
from iolaus.data.images.image_domains import ImageDomains
from iolaus.spec import Domains, Image


def ready(**options: Any) -> DigitsDomains:
    data = DigitsDomains(**options)
    data.setup()
    return data


def test_the_digits_are_the_same_in_every_run_and_none_is_in_two_parts() -> None:
    data, other = ready(seed=0), ready(seed=1)
    assert (data.input, data.target) == data.sketch() == (Image(3, 16, 16), Domains(tuple("0123456789")))
    assert [len(part) for part in (data.train, data.val, data.test, data.other)] == [647, 72, 359, 719]
    assert torch.equal(data.test.values, other.test.values)
    assert torch.equal(data.other.values, other.other.values)
    whole = read_digits()
    assert len(data.test) == len(whole.test)
    assert torch.equal(data.test.targets, whole.test.targets)
    assert len(data.train) + len(data.val) + len(data.other) == len(whole.train)
    for part in (data.train.labelled, data.other, data.test):
        assert part.targets.bincount(minlength=10).min() > 0


def test_the_first_domain_is_grey_and_the_other_is_not() -> None:
    data = ready()
    for pictures, is_grey in ((data.train.labelled, True), (data.val, True), (data.other, False), (data.test, False)):
        values = pictures.batch(torch.arange(len(pictures))).input.float()
        assert (values.std(1).max() == 0) == is_grey


def test_a_batch_has_as_many_of_the_other_domain_and_follows_from_the_seed() -> None:
    data = ready()
    index = torch.tensor([3, 1, 4, 1, 5])
    batch, again, shuffled = (data.train.batch(rows) for rows in (index, index, index.flip(0)))
    assert batch.unlabelled is not None
    assert batch.unlabelled.shape == batch.input.shape
    assert torch.equal(batch.unlabelled, again.unlabelled)  # type: ignore[arg-type]
    assert not torch.equal(batch.unlabelled, shuffled.unlabelled)  # type: ignore[arg-type]
    drawn = {picture.numpy().tobytes() for picture in batch.unlabelled}
    assert drawn <= {picture.numpy().tobytes() for picture in data.other.values}


def test_both_are_shifted_and_scaled_alike_and_only_labelled_ones_are_mixed() -> None:
    data = ready(mixup=0.5, crop=2)
    batch = data.train.batch(torch.arange(8))
    changed = data.augment(batch, torch.Generator().manual_seed(0))
    assert changed.target is not None
    assert changed.target.is_floating_point()
    assert changed.unlabelled is not None
    assert changed.unlabelled.dtype == torch.uint8
    assert not torch.equal(changed.unlabelled, batch.unlabelled)  # type: ignore[arg-type]
    scaled = data.normalize(batch)
    mean, std = data.constants_on(torch.device("cpu"))
    torch.testing.assert_close(scaled.unlabelled, (batch.unlabelled - mean) / std)
    assert data.normalize(data.test.batch(torch.arange(3))).unlabelled is None
    assert batch.to(torch.device("meta")).unlabelled.is_meta  # type: ignore[union-attr]


def fill(folder: Path, *shades: int) -> None:
    folder.mkdir(parents=True)
    for shade in shades:
        Pillow.new("L", (6, 6), shade).save(folder / f"{shade}.png")


def of_folders(tmp_path: Path, **options: Any) -> ImageDomains:
    places = {"root": str(tmp_path / "photos"), "other": str(tmp_path / "drawings")}
    data = ImageDomains(**{"size": 4, "grayscale": True, "batch_size": 4} | places | options)
    data.setup()
    return data


def shades(pictures: Any) -> list[int]:
    return sorted(pictures.batch(torch.arange(len(pictures))).input[:, 0, 0, 0].tolist())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    fill(tmp_path / "photos" / "cat", *range(10))
    fill(tmp_path / "photos" / "dog", *range(100, 110))
    return tmp_path


def test_of_a_folder_with_classes_a_part_tests(photos: Path) -> None:
    fill(photos / "drawings" / "cat", *range(20, 30))
    fill(photos / "drawings" / "dog", *range(120, 130))
    data = of_folders(photos)
    assert data.target == Domains(("cat", "dog"))
    assert len(data.test) == 4
    assert data.test.targets.tolist() == [shade > 50 for shade in data.test.values[data.test.rows, 0, 0, 0].tolist()]
    assert sorted(shades(data.other) + shades(data.test)) == [*range(20, 30), *range(120, 130)]
    assert sorted(shades(data.train.labelled) + shades(data.val)) == [*range(10), *range(100, 110)]


def test_what_training_sees_of_the_other_domain_needs_no_classes(photos: Path) -> None:
    fill(photos / "drawings" / "train" / "some" / "where", 30, 31, 32)
    fill(photos / "drawings" / "test" / "dog", 140, 141)
    data = of_folders(photos)
    assert shades(data.other) == [30, 31, 32]
    assert shades(data.test) == [140, 141]
    assert data.test.targets.tolist() == [1, 1]
    assert data.train.batch(torch.arange(4)).unlabelled is not None


def test_what_has_no_effect_is_said(photos: Path) -> None:
    fill(photos / "photos2" / "train" / "cat", *range(10))
    fill(photos / "photos2" / "train" / "dog", *range(100, 110))
    fill(photos / "photos2" / "test" / "dog", 90)
    fill(photos / "drawings" / "train", 30)
    fill(photos / "drawings" / "test" / "dog", 140)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        of_folders(photos, root=str(photos / "photos2"), test_fraction=0.5)
    said = [str(warning.message) for warning in caught]
    assert any("photos2/test is left out" in text for text in said)
    assert any("data.test_fraction=0.5 has no effect" in text for text in said)


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        ({}, "data.other=.* is no folder"),
        ({"bird": [7]}, "bird is a class without training pictures"),
        ({"train": [], "test/cat": [7]}, "train has no pictures"),
    ],
    ids=str,
)
def test_mistakes_are_named(photos: Path, folders: dict[str, list[int]], sentence: str) -> None:
    for name, shades_ in folders.items():
        fill(photos / "drawings" / name, *shades_)
    with pytest.raises(ValueError, match=sentence):
        of_folders(photos)
