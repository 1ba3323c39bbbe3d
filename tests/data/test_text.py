"""Text as data: batches, what the tokenizer may see, the cache, and what a checkpoint keeps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data import cache
from iolaus.data.splits import held_out
from iolaus.data.text.text import Labelled, TextData
from iolaus.data.text.tokens import End, Tokens
from iolaus.spec import Classes, Text

NUM_TRAIN, NUM_TEST = 40, 10


class Numbered(TextData):
    """Text n repeats a word of its own n % 5 + 2 times, so that tokens tell which texts the tokenizer saw."""

    num_reads = 0
    version = 0

    def labelled(self) -> tuple[Labelled, Labelled]:
        type(self).num_reads += 1
        texts = [" ".join([f"word{n}"] * (n % 5 + 2)) for n in range(NUM_TRAIN + NUM_TEST)]
        labels = ["even" if n % 2 == 0 else "odd" for n in range(NUM_TRAIN + NUM_TEST)]
        return Labelled(texts[:NUM_TRAIN], labels[:NUM_TRAIN]), Labelled(texts[NUM_TRAIN:], labels[NUM_TRAIN:])

    def stamp(self) -> Any:
        return ["numbered", self.version]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(Numbered, "num_reads", 0)
    return tmp_path / "cache"


def ready(**options: Any) -> Numbered:
    data = Numbered(**{"batch_size": 4, "val_fraction": 0.25} | options)
    data.setup()
    return data


def whole(split: Tokens) -> Tensor:
    return split.batch(torch.arange(len(split))).input


def ragged() -> tuple[list[list[int]], Tokens]:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([3, 1, 7, 2, 5, 4])
    rows = [torch.randint(2, 90, (int(length),), generator=generator).tolist() for length in lengths]
    ids = torch.tensor([number for row in rows for number in row], dtype=torch.int32)
    return rows, Tokens.packed(ids, lengths, torch.arange(6))


@pytest.mark.parametrize("index", [[0], [1, 3], [5, 2, 2, 0], [4, 3, 2, 1, 0]])
@pytest.mark.parametrize("length", [1, 4, 99])
@pytest.mark.parametrize("keep", ["head", "tail"])
def test_batches_equal_a_loop_over_the_texts(index: list[int], length: int, keep: End) -> None:
    rows, tokens = ragged()
    chosen = [rows[number][:length] if keep == "head" else rows[number][-length:] for number in index]
    longest = max(map(len, chosen))
    expected = [row + [0] * (longest - len(row)) for row in chosen]
    batch = tokens.cut(length, keep).batch(torch.tensor(index))
    assert batch.input.tolist() == expected
    assert (batch.input.dtype, batch.index.tolist()) == (torch.int64, index)
    assert batch.target is not None
    assert batch.target.tolist() == index


@pytest.mark.parametrize("length", [3, 4, 99])
def test_pieces_are_all_of_every_text(length: int) -> None:
    rows, tokens = ragged()
    expected = [(row[at : at + length], n) for n, row in enumerate(rows) for at in range(0, len(row), length)]
    pieces = tokens.cut(length, "all")
    batch = pieces.batch(torch.arange(len(pieces)))
    assert batch.target is not None
    read = [
        ([number for number in row if number], n)
        for row, n in zip(batch.input.tolist(), batch.target.tolist(), strict=True)
    ]
    assert read == expected


def test_a_frame_stands_around_what_is_read() -> None:
    rows, tokens = ragged()
    framed = replace(tokens, frame=((91,), (92, 93))).cut(6, "head")
    read = framed.batch(torch.tensor([1, 2, 3])).input
    expected = [[91, *rows[n][:3], 92, 93] for n in (1, 2, 3)]
    assert read.tolist() == [row + [0] * (6 - len(row)) for row in expected]


def test_framed_texts_begin_and_end_and_come_back_as_text() -> None:
    data = ready(framed=True, length=5, word_dropout=0.9)
    assert data.input == Text(vocab_size=35, length=5, framed=True)
    read = whole(data.train)
    assert read.shape[1] == 5
    assert (read[:, 0] == 2).all()
    assert ((read == 3).sum(1) == 1).all()
    generator = torch.Generator().manual_seed(0)
    dropped = data.augment(Batch(read, None, torch.arange(len(read))), generator).input
    assert (dropped == 1).any()
    assert torch.equal(dropped.where(dropped != 1, -1), read.where(dropped != 1, -1))
    assert ((dropped == 2) == (read == 2)).all()
    assert data.decode(torch.tensor([2, *read[0, 1:3], 3, 0])) == " ".join([data.decode(read[0, 1:2])] * 2)
    again = Numbered(batch_size=4, val_fraction=0.25, length=5)
    again.inherit(data.fitted())
    again.setup()
    assert again.input == data.input
    with pytest.raises(ValueError, match=r"data\.length=2 leaves no room"):
        Numbered(framed=True, length=2)


def test_a_selection_shares_the_tokens() -> None:
    rows, tokens = ragged()
    selected = tokens.select(torch.tensor([4, 1]))
    assert selected.ids.data_ptr() == tokens.ids.data_ptr()
    assert selected.lengths.tolist() == [5, 1]
    assert selected.batch(torch.tensor([1, 0])).input.tolist() == [rows[1] + [0] * 4, rows[4]]


def test_texts_of_similar_length_come_together() -> None:
    data = ready()
    assert [batch.input.shape[1] for batch in data.val_dataloader()] == sorted(
        batch.input.shape[1] for batch in data.val_dataloader()
    )
    for batch in data.train_dataloader():
        lengths = (batch.input != 0).sum(1)
        assert lengths.max() - lengths.min() <= 1


@pytest.mark.parametrize("seed", [0, 1])
def test_the_tokenizer_knows_the_training_texts_and_no_others(seed: int) -> None:
    data = ready(seed=seed)
    assert (len(data.train), len(data.val), len(data.test)) == (30, 10, 10)
    assert (whole(data.train) != 1).all()
    for split in (data.val, data.test):
        assert set(whole(split).unique().tolist()) <= {0, 1}
    assert data.input == Text(vocab_size=35, length=256)


def test_what_is_held_out_follows_from_the_seed_and_keeps_the_proportions() -> None:
    labels = ["b"] * 30 + ["a"] * 10
    stay, held = held_out(labels, 0.2, 3)
    assert sorted([*stay.tolist(), *held.tolist()]) == list(range(40))
    assert sorted(labels[row] for row in held.tolist()) == ["a"] * 2 + ["b"] * 6
    assert held.equal(held_out(labels, 0.2, 3)[1])
    assert not held.equal(held_out(labels, 0.2, 4)[1])
    assert held.equal(held_out([label == "b" for label in labels], 0.2, 3)[1])  # names or numbers: the same texts


def test_a_second_start_reads_nothing_and_gives_the_same() -> None:
    first, second = ready(), ready()
    assert Numbered.num_reads == 1
    assert second.fitted() == first.fitted()
    for part in ("train", "val", "test"):
        mine, theirs = getattr(first, part), getattr(second, part)
        assert whole(mine).equal(whole(theirs))
        assert mine.targets.equal(theirs.targets)
    assert (second.input, second.target) == (first.input, first.target)


@pytest.mark.parametrize(
    "options",
    [{"vocab_size": 20}, {"tokenizer": "bpe"}, {"lowercase": False}, {"seed": 1}, {"val_fraction": 0.5}],
    ids=str,
)
def test_another_option_is_another_tokenizer(options: dict[str, Any]) -> None:
    before = ready().fitted()
    assert ready(**options).fitted() != before
    assert Numbered.num_reads == 2


def test_changed_texts_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ready()
    monkeypatch.setattr(Numbered, "version", 1)
    ready()
    assert Numbered.num_reads == 2


def test_length_is_cut_from_what_is_kept() -> None:
    ready()
    short = ready(length=3, keep="tail")
    assert Numbered.num_reads == 1
    assert short.train.lengths.unique().tolist() == [2, 3]
    assert short.input.length == 3


def _truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip(content: bytes) -> bytes:
    middle = len(content) // 3
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [_truncate, _flip, lambda _: b"", lambda _: b"nonsense"])
def test_damaged_files_are_made_again(damage: Callable[[bytes], bytes], folder: Path) -> None:
    first = ready()
    files = list(folder.iterdir())
    assert len(files) == 2
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    second = ready()
    assert Numbered.num_reads == 2
    assert whole(second.train).equal(whole(first.train))
    ready()
    assert Numbered.num_reads == 2


def test_the_oldest_files_go_and_nothing_unfinished_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MAX_FILES", 2)
    ready(), ready(vocab_size=20)
    assert len(list(folder.iterdir())) == 2
    assert {file.suffix for file in folder.iterdir()} == {".arrays"}
    ready(vocab_size=20)
    assert Numbered.num_reads == 2


def test_where_nothing_can_be_written_a_warning_says_so(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match=r"cache cannot be written \(.*\), so texts are encoded at every start\."):
        data = ready()
    assert len(data.train) == 30


def test_a_restored_tokenizer_is_used_as_it_is() -> None:
    trained = ready(seed=0)
    restored = Numbered(batch_size=4, val_fraction=0.25, seed=1)  # alone, it would be fitted to other texts
    restored.load_state_dict(trained.state_dict())
    restored.setup()
    assert restored.fitted() == trained.fitted()
    assert (restored.input, restored.target) == (trained.input, trained.target)
    assert whole(restored.test).equal(whole(trained.test))
    assert (whole(restored.train) == 1).any()


def test_an_evaluation_finds_what_training_kept() -> None:
    trained = ready()
    restored = Numbered(batch_size=4, val_fraction=0.25)
    restored.load_state_dict(trained.state_dict())
    restored.setup()
    assert Numbered.num_reads == 1
    assert whole(restored.val).equal(whole(trained.val))


def test_a_restored_model_keeps_the_numbers_of_its_classes() -> None:
    data = Numbered(batch_size=4)
    data.load_state_dict(ready().state_dict() | {"target": {"kind": "Classes", "names": ["none", "odd", "even"]}})
    data.setup()
    assert data.target == Classes(("none", "odd", "even"))
    assert data.test.targets is not None
    assert data.test.targets.tolist() == [2, 1] * 5
    stranger = Numbered(batch_size=4)
    stranger.load_state_dict(ready().state_dict() | {"target": {"kind": "Classes", "names": ["even", "other"]}})
    with pytest.raises(ValueError, match=r"The texts have a class 'odd', but the model knows only even, other\."):
        stranger.setup()


def test_resuming_on_other_texts_is_refused() -> None:
    data = ready()
    data.load_state_dict(data.state_dict())
    with pytest.raises(ValueError, match="are not those that the run began with"):
        data.load_state_dict(ready(seed=1).state_dict())


def test_weights_from_elsewhere_bring_their_tokenizer() -> None:
    source = ready(vocab_size=20)
    data = Numbered(batch_size=4)
    data.inherit(source.fitted())
    data.inherit({"mean": [0.0], "std": [1.0]})  # from pictures: nothing that texts need
    data.setup()
    assert data.fitted() == source.fitted()
    assert data.input.vocab_size == 20
    assert data.target == Classes(("even", "odd"))


def test_word_dropout_makes_tokens_unknown_at_its_rate_and_spares_padding() -> None:
    data = Numbered(word_dropout=0.3)
    ids = torch.randint(2, 50, (200, 60))
    ids[:, 40:] = 0
    batch = Batch(ids, None, torch.arange(200))
    first, again = (data.augment(batch, torch.Generator().manual_seed(7)).input for _ in range(2))
    other = data.augment(batch, torch.Generator().manual_seed(8)).input
    assert first.equal(again)
    assert not first.equal(other)
    changed = first != ids
    assert (first[changed] == 1).all()
    assert not changed[:, 40:].any()
    assert changed[:, :40].float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert Numbered().augment(batch, torch.Generator()).input is ids


def test_examples_come_from_files_folders_and_tables(tmp_path: Path) -> None:
    data = ready(length=3)
    train_word = data.tokenizer.id_to_token(5) if data.tokenizer else ""
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "b.txt").write_text(f"{train_word}\nstranger\n")
    (folder / "a.txt").write_text(f"{train_word} " * 9)
    (folder / "notes.md").write_text("not an example")
    (tmp_path / "table.csv").write_text(f'id,text\n1,"stranger, {train_word}"\n2,{train_word}\n')
    split, names = data.examples(folder / "b.txt")
    assert (whole(split).tolist(), names) == ([[5, 1]], ["b.txt"])
    assert split.batch(torch.tensor([0])).target is None
    split, names = data.examples(folder)
    assert (whole(split).tolist(), names) == ([[5, 5, 5], [5, 1, 0]], ["a.txt", "b.txt"])
    split, names = data.examples(tmp_path / "table.csv")
    assert (whole(split).tolist(), names) == ([[1, 1, 5], [5, 0, 0]], ["table.csv row 1", "table.csv row 2"])


def test_fingerprints_tell_apart_what_was_made_from_other_things() -> None:
    assert cache.fingerprint("a", 1) == cache.fingerprint("a", 1)
    assert len({cache.fingerprint(*made_from) for made_from in (["a", 1], ["a", "1"], ["a1"], ["a"], [["a", 1]])}) == 5


def test_nothing_is_kept_without_a_name(folder: Path) -> None:
    assert cache.cached(None, lambda: {"x": np.ones(2)})["x"].tolist() == [1.0, 1.0]
    assert not folder.exists()


def test_before_any_reading_sizes_are_plausible() -> None:
    assert Numbered(vocab_size=7, length=9).sketch()[0] == Text(vocab_size=7, length=9)
    assert TextData.gives == (Text, Classes)
