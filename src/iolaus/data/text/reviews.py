"""Reviews of films, generated: built-in text for trying models on, in which the order of words decides. Not real."""

import random
from typing import Any

from iolaus.data.text.review_grammar import BLAME, PATTERNS, PRAISE, SIDED, write
from iolaus.data.text.text import Labelled, TextData
from iolaus.data.text.tokenized import VocabSize
from iolaus.ranges import Count

_NUM_TRAIN, _NUM_TEST = 16_000, 2_000
_NAMES = {BLAME: "negative", PRAISE: "positive"}


class Reviews(TextData):
    """Synthetic reviews by a small grammar (see review_grammar.py), half of them in praise; the same ones in every run.

    A bag of words gets about two thirds of the verdicts right; whoever reads order can get all of them.
    """

    def __init__(self, *, vocab_size: VocabSize = 1000, length: Count = 64, **options: Any) -> None:
        super().__init__(vocab_size=vocab_size, length=length, **options)

    def labelled(self) -> tuple[Labelled, Labelled]:
        texts = _texts(_NUM_TRAIN + _NUM_TEST)
        labels = [_NAMES[_side(number)] for number in range(len(texts))]
        return (
            Labelled(texts[:_NUM_TRAIN], labels[:_NUM_TRAIN]),
            Labelled(texts[_NUM_TRAIN:], labels[_NUM_TRAIN:]),
        )

    def stamp(self) -> Any:
        return [_NUM_TRAIN, _NUM_TEST, PATTERNS, SIDED]


def _side(number: int) -> int:
    return PRAISE if number % 2 else BLAME


def _texts(num: int) -> list[str]:
    """Blame and praise in turn; no two share their opinion, so none of the test can be known from training."""
    chance = random.Random(0)
    texts: dict[str, str] = {}
    while len(texts) < num:
        opinion = write(chance, "opinion", _side(len(texts)))
        if opinion not in texts:
            texts[opinion] = write(chance, "frame").replace("…", opinion)
    return list(texts.values())
