"""Built-in pictures that are composed of real digits: the same in every run, and of other digits for the test."""

import torch

from iolaus.data.images.digits import read_digits
from iolaus.data.images.scenes import Scenes
from iolaus.data.images.sums import Sums
from iolaus.spec import Image, Mask, Number


def test_scenes_are_what_is_promised_and_the_same_for_every_seed() -> None:
    data, other = Scenes(seed=0), Scenes(seed=1)
    data.setup()
    other.setup()
    assert (data.input, data.target) == data.sketch() == (Image(1, 32, 32), Mask(("background", *"0123456789")))
    assert [len(data.train), len(data.val), len(data.test)] == [2700, 300, 500]
    assert torch.equal(data.test.values, other.test.values)
    assert torch.equal(data.test.targets, other.test.targets)
    assert not torch.equal(data.val.rows, other.val.rows)


def test_every_digit_has_its_pixels_and_most_is_background() -> None:
    data = Scenes()
    data.setup()
    shares = data.train.targets.flatten().bincount(minlength=11) / data.train.targets.numel()
    assert 0.6 < shares[0] < 0.9
    assert ((shares[1:] > 0.01) & (shares[1:] < 0.05)).all()
    shown = data.train.values[data.train.rows, 0]
    assert (shown[data.train.targets > 0] > 80).all()
    assert shown[data.train.targets == 0].float().mean() < 60


def test_sums_are_of_the_digits_that_are_shown() -> None:
    data = Sums()
    loaded = data.load()
    assert loaded.target == Number("sum")
    digits = read_digits()
    shown = {digits.test.values[row].numpy().tobytes(): int(digits.test.labels[row]) for row in digits.test.rows}  # type: ignore[index]
    for number in range(20):
        picture = loaded.test.values[loaded.test.rows[number]]
        left, right = (shown[half.contiguous().numpy().tobytes()] for half in picture.split(8, dim=2))
        assert loaded.test.targets[number] == left + right


def test_numbers_are_scaled_by_those_for_training() -> None:
    data = Sums()
    data.setup()
    assert (data.input, data.target) == data.sketch() == (Image(1, 8, 16), Number("sum"))
    train, test = data.train.targets, data.test.targets
    assert train.dtype == torch.float32
    torch.testing.assert_close(train.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(train.std(correction=0), torch.tensor(1.0))
    assert data.unscale(test).min() >= -1e-4
    assert data.unscale(test).max() <= 18 + 1e-4


def test_a_restored_scale_is_kept() -> None:
    first, second = Sums(seed=0), Sums(seed=1)
    first.setup()
    second.load_state_dict(first.state_dict())
    second.setup()
    assert second.fitted() == first.fitted()
    third = Sums(seed=1)
    third.setup()
    assert third.fitted() != first.fitted()
