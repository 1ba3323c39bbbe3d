"""IMDB: how its folders become labelled texts."""

import os
from pathlib import Path

import pytest
import torch

from iolaus.data import cache
from iolaus.data.text.imdb import IMDB, UnlabelledIMDB
from iolaus.spec import Classes, Text, Unlabelled

PARTS = {"train": 20, "test": 6}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(cache, "folder", lambda: place)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for part, num_files in PARTS.items():
        for name, opinion in {"neg": "dull", "pos": "lovely"}.items():
            folder = tmp_path / "aclImdb" / part / name
            folder.mkdir(parents=True)
            for number in range(num_files):
                text = f"A film{number} of {part}.<br /><br />It is {opinion} in the end"
                (folder / f"{number}_{number % 10}.txt").write_text(text)
        (tmp_path / "aclImdb" / part / "urls_pos.txt").write_text("not a review")
    return tmp_path


def test_folders_say_the_verdict_and_line_breaks_go(root: Path) -> None:
    train, test = IMDB(root=str(root)).labelled()
    assert (len(train.texts), len(test.texts)) == (40, 12)
    assert train.texts[1] == "A film10 of train.  It is dull in the end"  # by name: 0_0.txt, 10_0.txt, 11_1.txt, …
    for part in (train, test):
        assert [label == "negative" for label in part.labels] == ["dull" in text for text in part.texts]


def test_the_end_of_a_review_is_read(root: Path) -> None:
    data = IMDB(root=str(root), batch_size=4, length=5)
    data.setup()
    assert data.tokenizer is not None
    assert (len(data.train), len(data.val), len(data.test)) == (36, 4, 12)
    assert data.target == Classes(("negative", "positive"))
    assert data.input == Text(data.tokenizer.get_vocab_size(), 5)
    batch = data.test.batch(torch.tensor([0, 11]))
    read = [[data.tokenizer.id_to_token(number) for number in row] for row in batch.input.tolist()]
    assert read == [["is", opinion, "in", "the", "end"] for opinion in ("dull", "lovely")]
    assert batch.target is not None
    assert batch.target.tolist() == [0, 1]


def test_reviews_without_a_verdict_are_read_whole(root: Path) -> None:
    folder = root / "aclImdb/train/unsup"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}_0.txt").write_text("one two three four five six seven eight nine")
    data = UnlabelledIMDB(root=str(root), batch_size=4, length=6, framed=True)
    data.setup()
    assert data.target == Unlabelled() == data.sketch()[1]
    assert (len(data.train), len(data.val)) == (27, 3)  # pieces of four, four and one
    batch = data.train.batch(torch.arange(3))
    assert batch.target is None
    read = [data.decode(row) for row in batch.input]
    assert read == ["one two three four", "five six seven eight", "nine"]
    assert data.describe().startswith("27 training, 3 validation")
    assert len(data.test) > 12  # those with a verdict, in pieces


def test_a_changed_review_is_read_again(root: Path) -> None:
    data = IMDB(root=str(root), batch_size=4)
    data.setup()
    (root / "aclImdb/test/neg/0_0.txt").write_text("lovely film")
    again = IMDB(root=str(root), batch_size=4)
    again.setup()
    assert again.test.lengths.tolist() != data.test.lengths.tolist()


def test_what_is_missing_is_said(root: Path) -> None:
    (root / "aclImdb/test/neg").rename(root / "aclImdb/test/negative")
    with pytest.raises(ValueError, match=r"test has no folder 'neg': delete .*aclImdb, and it is downloaded again\."):
        IMDB(root=str(root)).setup()


def test_where_the_files_are_is_known_before_they_are() -> None:
    assert IMDB(root="somewhere").files() == Path("somewhere/aclImdb")
    assert IMDB(root="somewhere", vocab_size=500, length=70).sketch() == (
        Text(500, 70),
        Classes(("negative", "positive")),
    )


@pytest.mark.skipif("IOLAUS_DATA" not in os.environ, reason="IOLAUS_DATA does not say where IMDB is")
def test_the_real_reviews() -> None:
    files = IMDB(root=os.environ["IOLAUS_DATA"]).stamp()
    names = [name for name, *_ in files]
    assert 49_900 <= len(files) <= 50_000  # some copies lack a few damaged files
    for part in ("train/neg", "train/pos", "test/neg", "test/pos"):
        assert sum(part in name for name in names) == pytest.approx(12_500, abs=20)
