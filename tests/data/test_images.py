"""What all picture data share: normalization, augmentation in training only, validation splits, users' files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from iolaus.batch import Batch
from iolaus.data.images.classified_images import ClassifiedImages
from iolaus.data.images.images import ImageData, Loaded
from iolaus.data.images.pictures import Pictures
from iolaus.spec import Classes, Image

NAMES = ("cat", "dog", "owl")


class Noise(ClassifiedImages):
    """Random pictures: 60 for training and 12 for testing, whose brightness is that of their channel and class."""

    def __init__(self, *, channels: int = 3, side: int = 8, num_val: int = 0, **options: Any) -> None:
        super().__init__(**{"batch_size": 8} | options)
        self.channels, self.side, self.num_val = channels, side, num_val

    def sketch(self) -> tuple[Image, Classes]:
        return Image(self.channels, self.side, self.side), Classes(NAMES)

    def load(self) -> Loaded:
        rng = np.random.default_rng(0)
        labels = np.arange(72) % 3
        shape = (72, self.channels, self.side, self.side)
        bright = 30 * np.arange(self.channels)[None, :, None, None] + 20 * labels[:, None, None, None]
        values = (rng.integers(0, 100, shape) + bright).astype(np.uint8)
        whole = Pictures.whole(torch.from_numpy(values), torch.from_numpy(labels))
        train, test = whole.part(torch.arange(60)), whole.part(torch.arange(60, 72))
        if not self.num_val:
            return Loaded(train, test, Classes(NAMES))
        rows = torch.arange(60)
        return Loaded(train.part(rows[self.num_val :]), test, Classes(NAMES), train.part(rows[: self.num_val]))


def ready(**options: Any) -> Noise:
    data = Noise(**options)
    data.setup()
    return data


def first_batch(data: ImageData) -> Batch:
    return data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)


def test_training_pictures_have_zero_mean_and_unit_variance() -> None:
    data = ready()
    batch = data.normalize(data.train.batch(torch.arange(len(data.train))))
    assert batch.input.dtype == torch.float32
    torch.testing.assert_close(batch.input.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.input.std((0, 2, 3), correction=0), torch.ones(3))


def test_a_constant_channel_stays_finite() -> None:
    same = Pictures.whole(torch.full((4, 1, 2, 2), 7, dtype=torch.uint8), None)
    assert same.mean_and_std() == ([7.0], [1.0])


def test_statistics_are_taken_over_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = ready().train
    whole = pictures.mean_and_std()
    monkeypatch.setattr("iolaus.data.images.pictures._PICTURES_PER_CHUNK", 7)
    for pieces, once in zip(pictures.mean_and_std(), whole, strict=True):
        assert pieces == pytest.approx(once)


def test_a_restored_scale_is_kept_when_reading() -> None:
    first, second = ready(seed=0), Noise(seed=1)
    second.load_state_dict(first.state_dict())
    second.setup()
    assert second.fitted() == first.fitted() != ready(seed=1).fitted()


def test_weights_from_elsewhere_bring_their_scale_if_they_have_as_many_channels() -> None:
    scale = {"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0]}
    colour, grey = Noise(), Noise(channels=1)
    for data in (colour, grey):
        data.inherit(scale)
        data.setup()
    assert colour.fitted() == scale
    assert grey.fitted() == ready(channels=1).fitted()
    batch = colour.train.batch(torch.arange(2))
    want = (batch.input - torch.tensor([1.0, 2.0, 3.0])[:, None, None]) / torch.tensor([4.0, 5.0, 6.0])[:, None, None]
    torch.testing.assert_close(colour.normalize(batch).input.contiguous(), want)


def test_the_state_is_plain() -> None:
    state = ready().state_dict()
    assert type(state["fitted"]["mean"][0]) is float
    assert state["target"]["names"] == NAMES


@pytest.mark.parametrize(
    ("channels", "option", "is_last"),
    [(3, "auto", True), (1, "auto", False), (3, False, False), (3, True, True), (1, True, True)],
)
def test_the_memory_layout_is_the_one_asked_for(channels: int, option: Any, is_last: bool) -> None:
    data = ready(channels=channels, channels_last=option, flip=True)
    for batch in (first_batch(data), data.normalize(data.test.batch(torch.arange(4)))):
        layout = torch.channels_last if is_last else torch.contiguous_format
        assert batch.input.is_contiguous(memory_format=layout)
        assert batch.input.shape[1:] == (channels, 8, 8)


@pytest.mark.parametrize("options", [{"crop": 2}, {"flip": True}, {"cutout": 3}, {"mixup": 0.5}, {"cutmix": 1.0}])
def test_training_is_augmented_and_evaluation_is_not(options: dict[str, Any]) -> None:
    data, plain = ready(**options), ready()
    assert not torch.equal(first_batch(data).input, first_batch(plain).input)
    for loader, plain_loader in (
        (data.val_dataloader(), plain.val_dataloader()),
        (data.test_dataloader(), plain.test_dataloader()),
    ):
        for batch, plain_batch in zip(loader, plain_loader, strict=True):
            got, want = data.on_after_batch_transfer(batch, 0), plain.on_after_batch_transfer(plain_batch, 0)
            assert torch.equal(got.input, want.input)
            assert got.target is not None
            assert got.target.dtype == torch.int64


def test_an_epoch_follows_from_the_seed() -> None:
    options = {"crop": 1, "flip": True, "cutout": 2, "mixup": 0.2, "cutmix": 1.0}

    def epoch(seed: int) -> list[torch.Tensor]:
        data = ready(seed=seed, **options)
        return [data.on_after_batch_transfer(batch, 0).input for batch in data.train_dataloader()]

    first, again, other = epoch(0), epoch(0), epoch(1)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not any(torch.equal(*pair) for pair in zip(first, other, strict=True))


def test_a_covered_square_has_the_mean_colour() -> None:
    data = ready(cutout=4)
    pictures = first_batch(data).input
    covered = (pictures.abs() < 0.02).all(1).sum((1, 2))  # the mean is rounded to a whole number
    assert (covered >= 4).all()  # at least the quarter of a square whose centre is in a corner


@pytest.mark.parametrize("options", [{"mixup": 0.5}, {"cutmix": 1.0}, {"mixup": 0.5, "cutmix": 1.0}])
def test_mixed_labels_are_probabilities(options: dict[str, Any]) -> None:
    batch = first_batch(ready(**options))
    assert batch.target is not None
    assert batch.target.shape == (8, 3)
    torch.testing.assert_close(batch.target.sum(1), torch.ones(8))


def test_with_both_each_batch_gets_one_of_the_two() -> None:
    data = ready(mixup=1.0, cutmix=1.0)
    kinds = []
    for seed in range(200):
        pictures = torch.zeros(8, 3, 8, 8, dtype=torch.uint8)
        weights = data._mixing_weights(pictures, torch.Generator().manual_seed(seed)).expand(8, 1, 8, 8)
        is_pasted = ((weights == 0) | (weights == 1)).all()
        is_faded = (weights == weights[:, :, :1, :1]).all()
        assert is_pasted or is_faded
        kinds.append(bool(is_pasted))
    assert 70 < sum(kinds) < 130


def test_the_mixture_commutes_with_normalization() -> None:
    """Mixing comes first, on whole numbers; the average of normalized pictures is the same thing."""
    data = ready(mixup=1.0)
    raw = next(iter(data.train_dataloader()))
    mixed = first_batch(data)
    plain = data.normalize(raw).input
    assert mixed.target is not None
    assert raw.target is not None
    for number in range(8):
        if raw.target[number] == raw.target[number - 1]:
            continue
        weight = mixed.target[number, raw.target[number]]
        want = weight * plain[number] + (1 - weight) * plain[number - 1]
        torch.testing.assert_close(mixed.input[number], want, atol=1e-5, rtol=1e-5)


def test_validation_is_drawn_from_training_by_the_seed() -> None:
    first, again, other = ready(val_fraction=0.25), ready(val_fraction=0.25), ready(val_fraction=0.25, seed=1)
    assert first.val.rows.tolist() == again.val.rows.tolist() != other.val.rows.tolist()
    assert sorted([*first.train.rows.tolist(), *first.val.rows.tolist()]) == list(range(60))
    assert first.val.targets.bincount().tolist() == [5, 5, 5]
    assert first.test.rows.tolist() == other.test.rows.tolist() == list(range(60, 72))


def test_a_source_may_bring_its_own_validation_pictures() -> None:
    data = ready(num_val=10)
    assert data.val.rows.tolist() == list(range(10))
    assert data.train.rows.tolist() == list(range(10, 60))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"crop": 8}, r"data\.crop=8 leaves nothing of pictures whose side is 8"),
        ({"cutout": 9}, r"data\.cutout=9 leaves nothing of pictures whose side is 8"),
        ({"val_fraction": 0.999}, r"data\.val_fraction=0\.999 leaves no pictures to train on"),
        ({"batch_size": 64}, r"data\.batch_size=64 is larger than the 54 training samples"),
    ],
)
def test_impossible_options_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ready(**options)


def test_data_that_a_restored_model_was_not_made_for_are_refused() -> None:
    data = Noise(side=6)
    data.load_state_dict(ready().state_dict())
    with pytest.raises(ValueError, match=r"The data give Image\(channels=3, height=6, .* but the run was made for"):
        data.setup()


def test_examples_are_pictures_of_the_models_size(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Pillow.new("RGB", (20, 20), (255, 0, 0)).save(tmp_path / "b.png")
    Pillow.new("L", (8, 16), 128).save(tmp_path / "in" / "a.bmp")
    data = ready()
    pictures, names = data.examples(tmp_path)
    assert names == ["b.png", "in/a.bmp"]
    batch = pictures.batch(torch.tensor([1, 0]))
    assert batch.target is None
    assert torch.equal(batch.input[0], torch.full((3, 8, 8), 128, dtype=torch.uint8))
    assert batch.input[1].amax((1, 2)).tolist() == [255, 0, 0]
    assert data.normalize(batch).input.dtype == torch.float32
    single, names = data.examples(tmp_path / "b.png")
    assert names == ["b.png"]
    assert torch.equal(single.values[0], batch.input[1])


def test_examples_need_pictures(tmp_path: Path) -> None:
    data = ready()
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match="is no picture and no folder with pictures"):
            data.examples(path)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match=r"notes\.txt cannot be read as a picture"):
        data.examples(tmp_path / "notes.txt")
