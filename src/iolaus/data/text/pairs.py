"""Pairs of texts: one to read and one to write."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.splits import held_out
from iolaus.data.text.text_files import read_examples
from iolaus.data.text.tokenized import TokenizedData
from iolaus.data.text.tokenizer import encode, fit
from iolaus.data.text.tokens import Tokens
from iolaus.ranges import Count
from iolaus.spec import Sentence, Text


@dataclass(frozen=True)
class Pairs:
    """A split: what is read, and what is to be written, with the token for its end."""

    sources: Tokens
    answers: Tokens

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> Tensor:
        return self.sources.lengths

    def batch(self, index: Tensor) -> Batch:
        return replace(self.sources.batch(index), target=self.answers.batch(index).input)

    def select(self, index: Tensor) -> "Pairs":
        return Pairs(self.sources.select(index), self.answers.select(index))


class PairData(TokenizedData):
    """Texts, and what each of them leads to; one tokenizer knows the words of both. Subclasses say where they are from.

    length: tokens read of a text; answer_length: tokens written, the one for the end among them. What is longer is cut.
    """

    gives: ClassVar[tuple[type, type]] = (Text, Sentence)
    text_column: str = "text"  # of a table of texts to predict

    def __init__(self, *, answer_length: Count = 64, **options: Any) -> None:
        super().__init__(**options)
        self.answer_length = answer_length

    @abstractmethod
    def pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Pairs to train (and validate) on, and pairs to test on.

        Raises:
            ValueError: for what is wrong with the user's data, in one sentence.
        """

    def sketch(self) -> tuple[Text, Sentence]:
        input, ids = self.spec(), self.reserved
        return input, Sentence(input.vocab_size, self.answer_length, pad=ids.pad, start=ids.start, end=ids.end)

    def read(self) -> None:
        pairs, test = self.pairs()
        train, val = held_out([""] * len(pairs), self.val_fraction, self.seed)
        if self.tokenizer is None:
            texts = [text for row in train.tolist() for text in pairs[row]]
            self.tokenizer = fit(texts, kind=self.tokenizer_kind, vocab_size=self.vocab_size, lowercase=self.lowercase)
        everything = self._split(pairs + test)
        self.train, self.val = everything.select(train), everything.select(val)
        self.test = everything.select(torch.arange(len(pairs), len(everything)))
        self.input, self.target = self.sketch()

    def examples(self, path: Path) -> tuple[Tokens, list[str]]:
        """A .txt file (one text), a folder of .txt files, or a CSV or TSV file with a column of texts."""
        texts, names = read_examples(path, self.text_column)
        return self._encoded(texts).cut(self.length, "head"), names

    def _split(self, pairs: list[tuple[str, str]]) -> Pairs:
        sources, answers = (self._encoded(list(texts)) for texts in zip(*pairs, strict=True))
        closed = replace(answers, frame=((), (self.reserved.end,)))
        return Pairs(sources.cut(self.length, "head"), closed.cut(self.answer_length, "head"))

    def _encoded(self, texts: list[str]) -> Tokens:
        assert self.tokenizer is not None
        encoded = encode(self.tokenizer, texts, unknown=self.reserved.unknown)
        ids, lengths = (torch.from_numpy(array) for array in encoded)
        return self.packed(ids, lengths)
