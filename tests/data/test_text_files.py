"""The user's own texts: tables and folders, what is held out, and every mistake in one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iolaus.data import cache
from iolaus.data.text.text import Labelled
from iolaus.data.text.texts import Texts
from iolaus.spec import Classes


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(cache, "folder", lambda: place)


def rows(num: int, start: int = 0) -> list[tuple[str, str]]:
    return [(f"text {n}, of some words", "good" if n % 2 else "bad") for n in range(start, start + num)]


def write_table(file: Path, texts: list[tuple[str, str]], *, names: str = "text,label", mark: str = ",") -> Path:
    lines = [names.replace(",", mark), *(f'"{text}"{mark}{label}' for text, label in texts)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def write_folder(folder: Path, texts: list[tuple[str, str]]) -> Path:
    for number, (text, label) in enumerate(texts):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{number:03}.txt").write_text(text, encoding="utf-8")
    return folder


def ready(root: Path, **options: Any) -> Texts:
    data = Texts(root=str(root), **{"batch_size": 4} | options)
    data.setup()
    return data


def pairs(part: Labelled) -> set[tuple[str, str]]:
    return set(zip(part.texts, part.labels, strict=True))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ""])
def test_tables_and_folders_say_the_same(tmp_path: Path, suffix: str) -> None:
    place = tmp_path / f"mine{suffix}"
    if suffix:
        write_table(place, rows(50), mark="\t" if suffix == ".tsv" else ",")
    else:
        write_folder(place, rows(50))
    data = ready(place)
    assert (len(data.train), len(data.val), len(data.test)) == (36, 4, 10)
    assert data.target == Classes(("bad", "good"))
    train, test = data.labelled()
    assert pairs(train) | pairs(test) == set(rows(50))
    assert sorted(test.labels) == ["bad"] * 5 + ["good"] * 5
    assert data.files() == place


def test_columns_have_any_name_and_cells_mean_what_they_say(tmp_path: Path) -> None:
    texts = [("null", "NA"), ("  NaN ", "NA"), ("3.0", "1"), ("Ärger über “Öl”", "1")] * 10
    file = write_table(tmp_path / "mine.csv", texts, names="Was,Wie")
    train, test = ready(file, text_column="Was", label_column="Wie").labelled()
    assert pairs(train) | pairs(test) == {(text.strip(), label) for text, label in texts}


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    file = write_table(tmp_path / "mine.csv", rows(50))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(ready(file).train) == 36


@pytest.mark.parametrize("write", [write_folder, write_table])
def test_a_test_part_of_ones_own_is_kept_whole(tmp_path: Path, write: Callable[..., Path]) -> None:
    suffix = ".csv" if write is write_table else ""
    write(tmp_path / f"mine/train{suffix}", rows(40))
    write(tmp_path / f"mine/test{suffix}", rows(10, start=40))
    data = ready(tmp_path / "mine")
    assert (len(data.train), len(data.val), len(data.test)) == (36, 4, 10)
    train, test = data.labelled()
    assert (pairs(train), pairs(test)) == (set(rows(40)), set(rows(10, start=40)))


def test_the_seed_decides_what_is_held_out(tmp_path: Path) -> None:
    file = write_table(tmp_path / "mine.csv", rows(50))
    first, again, other = (pairs(ready(file, seed=seed).labelled()[1]) for seed in (0, 0, 1))
    assert first == again != other
    assert len(ready(file, test_fraction=0.5).test) == 25


def test_a_table_that_changed_is_read_again(tmp_path: Path) -> None:
    file = write_table(tmp_path / "mine.csv", rows(50))
    ready(file)
    write_table(file, rows(60))
    assert len(ready(file).test) == 12


def test_other_columns_are_other_texts(tmp_path: Path) -> None:
    lines = ["a,b,label", *(f"one,two words,{label}" for _, label in rows(50))]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    lengths = [int(ready(tmp_path / "mine.csv", text_column=column).train.lengths[0]) for column in ("a", "b")]
    assert lengths == [1, 2]


def test_options_without_effect_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path / "mine/train", rows(40))
    write_folder(tmp_path / "mine/test", rows(10))
    with pytest.warns(UserWarning, match=r"data\.test_fraction=0\.3 has no effect: .*mine brings its own test texts\."):
        ready(tmp_path / "mine", test_fraction=0.3)
    with pytest.warns(
        UserWarning, match=r"data\.label_column=stars has no effect: in .*mine each class has a folder\."
    ):
        ready(tmp_path / "mine", label_column="stars")


def _class_without_test(folder: Path) -> Path:
    write_folder(folder / "train", rows(40))
    write_folder(folder / "test", [*rows(10), ("a text", "ugly")])
    return folder


def _not_utf8(folder: Path, name: str) -> Path:
    place = write_table(folder / "mine.csv", rows(9)) if name == "mine.csv" else write_folder(folder / "mine", rows(9))
    file = place if name == "mine.csv" else place / "bad" / "000.txt"
    file.write_bytes("ein schöner Film".encode("latin-1"))
    return place


def _raw(folder: Path, content: str) -> Path:
    (folder / "mine.csv").write_text(content)
    return folder / "mine.csv"


_ROWS = rows(30)
_UNQUOTED = (
    r"mine\.csv is no table with equally many cells in each row \(.*\): put texts that hold ',' into double quotes\."
)
MISTAKES: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "nothing there": (lambda p: p / "no.csv", {}, r"There is no .*no\.csv: give a \.csv or \.tsv file or a folder"),
    "another file": (lambda p: write_table(p / "mine.json", _ROWS), {}, r"mine\.json is no \.csv or \.tsv file: save"),
    "no such text column": (
        lambda p: write_table(p / "mine.csv", _ROWS, names="review,label"),
        {},
        r"mine\.csv has no column 'text': it has review, label; type data\.text_column=NAME\.",
    ),
    "no such label column": (
        lambda p: write_table(p / "mine.csv", _ROWS),
        {"label_column": "stars"},
        r"has no column 'stars': it has text, label; type data\.label_column=NAME\.",
    ),
    "semicolons": (
        lambda p: _raw(p, "text;label\nnice;x\nbad;y\n"),
        {},
        r"mine\.csv seems to separate its columns by ';', but a \.csv file is read with commas",
    ),
    "one class": (
        lambda p: write_table(p / "mine.csv", [(text, "good") for text, _ in _ROWS]),
        {},
        r"All texts are of one class, 'good': there is nothing to tell apart\.",
    ),
    "empty text": (
        lambda p: write_table(p / "mine.csv", [*_ROWS[:2], ("  ", "good"), *_ROWS[3:]]),
        {},
        r"Row 3 of .*mine\.csv \(below the header\) has nothing in column 'text': fill it in or delete it\.",
    ),
    "missing label": (
        lambda p: write_table(p / "mine.csv", [*_ROWS[:4], ("a text", ""), *_ROWS[5:]]),
        {},
        r"Row 5 of .* has nothing in column 'label'",
    ),
    "short row": (lambda p: _raw(p, "text,label\na,x\nb\n"), {}, r"Row 2 of .* has nothing in column 'label'"),
    "blank line": (lambda p: _raw(p, "text,label\na,x\n,\nb,y\n"), {}, r"Row 2 of .* has nothing in column 'text'"),
    "an unquoted comma": (lambda p: _raw(p, "text,label\na,x\nb,c,y\n"), {}, _UNQUOTED),
    "unquoted commas from the first row on": (lambda p: _raw(p, "text,label\na,b,x\nb,c,y\n"), {}, _UNQUOTED),
    "an open quote": (lambda p: _raw(p, 'text,label\n"a,x\nb,y\n'), {}, _UNQUOTED),
    "empty table": (lambda p: _raw(p, ""), {}, r"mine\.csv is no table"),
    "header only": (lambda p: _raw(p, "text,label\n"), {}, r"mine\.csv holds no texts"),
    "a table in latin-1": (
        lambda p: _not_utf8(p, "mine.csv"),
        {},
        r"mine\.csv is not UTF-8 \(.*\): save it as UTF-8\.",
    ),
    "a text in latin-1": (
        lambda p: _not_utf8(p, "mine"),
        {},
        r"000\.txt is not UTF-8 \(.* at byte 7\): save it as UTF-8\.",
    ),
    "an empty file": (
        lambda p: write_folder(p / "mine", [*_ROWS[:2], (" \n", "good")]),
        {},
        r"002\.txt is empty: delete it or write a text into it\.",
    ),
    "an empty class": (
        lambda p: write_folder(p, _ROWS) if (p / "ugly").mkdir() is None else p,
        {},
        r"ugly holds no \.txt files\.",
    ),
    "no classes": (lambda p: p, {}, r"holds no folders: put the \.txt files of each class into a folder of its own\."),
    "too few": (
        lambda p: write_table(p / "mine.csv", [*_ROWS, ("the only ugly one", "ugly")]),
        {"test_fraction": 0.9},
        r"No text of class 'ugly' is left to train on once the validation \(and test\) texts are held out: add some\.",
    ),
    "a class of the test alone": (_class_without_test, {}, r"No text of class 'ugly' is left to train on"),
    "too large a batch": (
        lambda p: write_table(p / "mine.csv", _ROWS),
        {"batch_size": 64},
        r"data\.batch_size=64 is larger than the 22 training samples",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named_in_one_sentence(tmp_path: Path, mistake: str) -> None:
    make, options, sentence = MISTAKES[mistake]
    with pytest.raises(ValueError, match=sentence) as caught:
        ready(make(tmp_path), **options)
    assert "\n" not in str(caught.value)
