"""The generated reviews: decided by rules that anyone can follow, but not by their words alone."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from iolaus.data import cache
from iolaus.data.text.review_grammar import SIDED
from iolaus.data.text.reviews import Reviews
from iolaus.data.text.text import Labelled

_SIDE_OF = {phrase: side for sides in SIDED.values() for side, phrases in sides.items() for phrase in phrases}
_OPINION = re.compile(r"\b(" + "|".join(sorted(_SIDE_OF, key=len, reverse=True)) + r")\b")
_NEGATION = re.compile(r"\b(not|hardly|never|cannot|nothing|nobody)\b")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)


@pytest.fixture(scope="module")
def parts() -> tuple[Labelled, Labelled]:
    return Reviews().labelled()


def side_of_clause(clause: str) -> int:
    opinion = _OPINION.search(clause)
    assert opinion, clause
    return _SIDE_OF[opinion[0]] * (-1 if _NEGATION.search(clause[: opinion.start()]) else 1)


def deciding_part(sentence: str) -> str:
    """What is left of a sentence without what it concedes, expects, or compares with."""
    if sentence.startswith("although "):
        return sentence.split(", ")[-1]
    if sentence.startswith("it is more "):
        return sentence.split(" than ")[0]
    for mark in (", although ", " rather than "):
        sentence = sentence.split(mark)[0]
    for mark in (" got ", " ends as ", ", but "):
        sentence = sentence.split(mark)[-1]
    return sentence


def verdict(text: str) -> int:
    """Reads as a person would: the last sentence with an opinion in it, its deciding part, its negations."""
    sentence = [sentence for sentence in text.lower().split(". ") if _OPINION.search(sentence)][-1]
    if " wrong" in sentence:
        return -side_of_clause(sentence)
    if " right" in sentence:
        return side_of_clause(sentence)
    clauses = [clause for clause in deciding_part(sentence).split(", ") if _OPINION.search(clause)]
    return side_of_clause(clauses[-1])


def test_the_rules_decide_every_review(parts: tuple[Labelled, Labelled]) -> None:
    for part in parts:
        read = [{-1: "negative", 1: "positive"}[verdict(text)] for text in part.texts]
        wrong = [text for text, mine, label in zip(part.texts, read, part.labels, strict=True) if mine != label]
        assert not wrong, wrong[:3]


def test_a_bag_of_words_does_not_decide(parts: tuple[Labelled, Labelled]) -> None:
    train, test = parts
    bag = CountVectorizer()
    model = LogisticRegression(C=0.1, max_iter=1000).fit(bag.fit_transform(train.texts), train.labels)
    accuracy = model.score(bag.transform(test.texts), test.labels)
    assert accuracy < 0.72


def test_reviews_are_varied_and_of_medium_length(parts: tuple[Labelled, Labelled]) -> None:
    texts = parts[0].texts + parts[1].texts
    lengths = [len(text.split()) for text in texts]
    assert sum(10 <= length <= 40 for length in lengths) > 0.95 * len(lengths)
    words = Counter(word for text in texts for word in re.findall(r"\w+", text.lower()))
    assert 250 < len(words) < 400
    assert min(words.values()) > 50  # no word too rare to be learned


def test_half_are_in_praise_and_no_opinion_is_in_both_parts(parts: tuple[Labelled, Labelled]) -> None:
    train, test = parts
    for part in parts:
        assert set(Counter(part.labels).values()) == {len(part.labels) // 2}
    opinions = [{" ".join(s for s in text.split(". ") if _OPINION.search(s)) for text in part.texts} for part in parts]
    assert (len(train.texts), len(test.texts)) == (16_000, 2_000)
    assert not opinions[0] & opinions[1]


def test_they_are_the_same_in_every_run_and_on_every_machine() -> None:
    train, test = Reviews(seed=5).labelled()
    assert (train, test) == Reviews().labelled()
    digest = hashlib.sha256("\n".join(train.texts + test.texts).encode()).hexdigest()
    assert digest[:16] == "24149cd8cb42907a"


def test_every_token_is_read_and_known() -> None:
    data = Reviews()
    data.setup()
    assert (data.gives, type(data.input), data.target.names) == (
        Reviews.gives,
        type(data.sketch()[0]),
        ("negative", "positive"),
    )
    for split in (data.train, data.val, data.test):
        batch = split.batch(torch.arange(len(split)))
        assert batch.input.shape[1] < data.length  # none is cut
        assert not (batch.input == 1).any()
