"""The user's own pictures and texts with a number each."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from iolaus.data.images.image_numbers import ImageNumbers
from iolaus.data.text.text_numbers import TextNumbers
from iolaus.spec import Image, Number

NUM = 30


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures whose brightness is their number."""
    rows = ["photo,price"]
    for number in range(NUM):
        Pillow.fromarray(np.full((8, 8, 3), 5 * number, dtype=np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number / 2}")
    table = tmp_path / "prices.csv"
    table.write_text("\n".join(rows))
    return table


def of_pictures(table: Path, **options: Any) -> ImageNumbers:
    return ImageNumbers(
        root=str(table), file_column="photo", number_column="price", size=8, batch_size=4, **options
    )  # fmt: skip


def test_pictures_keep_their_numbers(pictures: Path) -> None:
    data = of_pictures(pictures)
    data.setup()
    assert (data.input, data.target) == data.sketch() == (Image(3, 8, 8), Number("price"))
    assert len(data.test) == NUM / 5
    for part in (data.train, data.val, data.test):
        batch = part.batch(torch.arange(len(part)))
        assert batch.target is not None
        assert data.unscale(batch.target).tolist() == pytest.approx(
            (batch.input[:, 0, 0, 0].double() / 10).tolist(), abs=1e-5
        )


def test_training_pictures_move_and_keep_their_numbers(pictures: Path) -> None:
    data = of_pictures(pictures, crop=2)
    data.setup()
    batch = data.train.batch(torch.arange(4))
    moved = data.augment(batch, torch.Generator().manual_seed(0))
    assert not torch.equal(moved.input, batch.input)
    assert moved.target is batch.target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("3.png,1.5", "3.png,cheap"), r"Row 4 of .*says 'cheap' where a number should be"),
        (("3.png,1.5", "3.png,inf"), r"Row 4 of .*says 'inf' where a number should be"),
        (("3.png,1.5", "33.png,1.5"), r"names 33\.png, but there is no file"),
        (("photo,price", "photo,cost"), r"has no column 'price': it has photo, cost; type data\.number_column=NAME"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(change: tuple[str, str], message: str, pictures: Path) -> None:
    pictures.write_text(pictures.read_text().replace(*change))
    with pytest.raises(ValueError, match=message):
        of_pictures(pictures).setup()


def test_there_has_to_be_a_table_and_something_to_learn(pictures: Path) -> None:
    with pytest.raises(ValueError, match=r"There is no file .*other\.csv: give a \.csv or \.tsv file"):
        of_pictures(pictures.with_name("other.csv")).setup()
    table = pictures.with_name("same.csv")
    table.write_text("photo,price\n" + "\n".join(f"{number}.png,7" for number in range(NUM)))
    with pytest.raises(ValueError, match=r"the number 7\.0: there is nothing to learn"):
        of_pictures(table).setup()


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    table = tmp_path / "wines.csv"
    table.write_text("review,points\n" + "\n".join(f"{'good ' * number},{80 + number}" for number in range(1, NUM)))
    return table


def of_texts(table: Path, **options: Any) -> TextNumbers:
    return TextNumbers(root=str(table), text_column="review", label_column="points", batch_size=4, **options)


def test_texts_keep_their_numbers(texts: Path) -> None:
    data = of_texts(texts)
    data.setup()
    assert data.target == Number("points")
    for part in (data.train, data.val, data.test):
        batch = part.batch(torch.arange(len(part)))
        assert batch.target is not None
        assert data.unscale(batch.target).tolist() == pytest.approx([80 + n for n in (batch.input > 0).sum(1).tolist()])
    assert data.train.targets is not None
    torch.testing.assert_close(data.train.targets.mean(), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_the_scale_of_texts_is_kept(texts: Path) -> None:
    first, second = of_texts(texts), of_texts(texts, seed=1)
    first.setup()
    second.load_state_dict(first.state_dict())
    second.setup()
    assert second.fitted() == first.fitted()


def test_a_text_without_a_number_is_said(texts: Path) -> None:
    texts.write_text(texts.read_text().replace(",85", ",many"))
    with pytest.raises(ValueError, match=r"The column 'points' of .* says 'many' where a number should be"):
        of_texts(texts).setup()
