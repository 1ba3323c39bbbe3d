"""docs/autograd.md runs as it stands, prints what it says, and shows the pictures that its code draws."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from .page import PAGE, run, snippets

pytest.importorskip("pygraphviz", reason="the page draws, which needs the `graph` extra")

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def agree(printed: str, expected: str) -> bool:
    """The same but for digits at the end: other machines round otherwise, and training makes more of it."""
    numbers, wanted = ([float(number) for number in _NUMBER.findall(text)] for text in (printed, expected))
    same_words = _NUMBER.sub("#", printed).split() == _NUMBER.sub("#", expected).split()
    return same_words and np.allclose(numbers, wanted, rtol=0.02, atol=1e-3)


def words(picture: Path) -> list[str]:
    tree = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    return [str(element.text) for element in tree.iter() if element.tag.endswith("}text")]


def test_the_page_runs_and_says_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "autograd").mkdir()
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for code, expected in snippets(PAGE):
        printed = run(code, names)
        assert agree(printed, expected), f"{code}\nprints\n{printed}\nthe page says\n{expected}"
    drawn = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.svg"))
    assert drawn == sorted(path.relative_to(PAGE.parent) for path in (PAGE.parent / "autograd").glob("*.svg"))
    for path in drawn:
        assert words(tmp_path / path) == words(PAGE.parent / path)


def test_every_picture_and_file_that_is_linked_exists():
    links = re.findall(r"\]\((?!http)([^)#]+)", PAGE.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
