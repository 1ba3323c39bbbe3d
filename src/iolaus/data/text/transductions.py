"""Commands and what they lead to, generated: built-in pairs for models that read one text and write another."""

import random
from typing import Any

from iolaus.data.text.pairs import PairData
from iolaus.data.text.tokenized import VocabSize
from iolaus.data.text.transduction_rules import apply, write
from iolaus.ranges import Count

_NUM_TRAIN, _NUM_TEST = 20_000, 2_000


class Transductions(PairData):
    """Synthetic: eight rules on lists of words, by themselves or one after another (see transduction_rules.py).

    No command of the test is in training.
    """

    def __init__(
        self, *, vocab_size: VocabSize = 100, length: Count = 16, answer_length: Count = 24, **options: Any
    ) -> None:
        super().__init__(vocab_size=vocab_size, length=length, answer_length=answer_length, **options)

    def pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        chance = random.Random(0)
        commands: dict[str, None] = {}  # keeps their order
        while len(commands) < _NUM_TRAIN + _NUM_TEST:
            commands[write(chance)] = None
        pairs = [(command, apply(command)) for command in commands]
        return pairs[:_NUM_TRAIN], pairs[_NUM_TRAIN:]
