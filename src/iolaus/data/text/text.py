"""Labelled texts, one class each: tokenized once, kept, and cut to length when they are loaded."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tokenizers
import torch
from tokenizers import Tokenizer
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.cache import Arrays, cached, fingerprint
from iolaus.data.module import HeldOut
from iolaus.data.splits import held_out
from iolaus.data.text.text_files import read_examples
from iolaus.data.text.tokenized import TokenizedData
from iolaus.data.text.tokenizer import encode, fit
from iolaus.data.text.tokens import End, Tokens
from iolaus.ranges import Rate
from iolaus.spec import Classes, Target, Text

_VERSION = 3  # of reading and fitting: when either makes something else of the same texts, what was kept is no good


@dataclass(frozen=True)
class Labelled:
    """Texts, and the name of each one's class."""

    texts: list[str]
    labels: list[str]


class TextData(TokenizedData):
    """Texts of one class each. Subclasses say where they come from (`labelled`, `stamp`).

    length: of a longer text only so many tokens are read, the first ones (keep=head) or the last (keep=tail); or it is
        read to its end, in pieces that are texts of their own (keep=all).
    word_dropout: the probability that a token is made unknown, drawn anew for each training batch (Iyyer et al. 2015,
        "Deep unordered composition rivals syntactic methods for text classification").
    """

    gives: ClassVar[tuple[type, type]] = (Text, Classes)
    text_column: str = "text"  # of a table of texts to predict

    target: Target

    def __init__(self, *, keep: End = "head", word_dropout: Rate = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.keep: End = keep
        self.word_dropout = word_dropout

    @abstractmethod
    def labelled(self) -> tuple[Labelled, Labelled]:
        """Texts to train (and validate) on, and texts to test on.

        Raises:
            ValueError: for what is wrong with the user's data, in one sentence.
        """

    @abstractmethod
    def stamp(self) -> Any:
        """Plain values, quick to get, that change when the texts do; None if the texts are not worth a cache."""

    def sketch(self) -> tuple[Text, Target]:
        return self.spec(), Classes(("negative", "positive"))

    def read(self) -> None:
        stamp, labelled = self.stamp(), cache(self._checked)
        if self.tokenizer is None:
            options = [self.tokenizer_kind, self.vocab_size, self.lowercase, self.val_fraction, self.seed]
            fitted = cached(_name(stamp, options), lambda: _packed(self._fit(labelled()[0]).to_str()))
            self.tokenizer = Tokenizer.from_str(_unpacked(fitted))
        tokenizer = self.tokenizer
        unknown = self.reserved.unknown
        self._split(cached(_name(stamp, tokenizer.to_str()), lambda: _encoded(tokenizer, unknown, *labelled())))
        self.input = self.spec()

    def examples(self, path: Path) -> tuple[Tokens, list[str]]:
        """A .txt file (one text), a folder of .txt files, or a CSV or TSV file with a column of texts."""
        assert self.tokenizer is not None
        texts, names = read_examples(path, self.text_column)
        encoded = encode(self.tokenizer, texts, unknown=self.reserved.unknown)
        ids, lengths = (torch.from_numpy(array) for array in encoded)
        keep: End = "head" if self.keep == "all" else self.keep  # one answer for each text
        return self.packed(ids, lengths).cut(self.length, keep), names

    def samples(self, part: HeldOut) -> str:
        return self._samples[part]

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        if not self.word_dropout:
            return batch
        chance = torch.rand(batch.input.shape, generator=generator, device=batch.input.device)
        around = torch.tensor([self.reserved.pad, *self.frame[0], *self.frame[1]], device=batch.input.device)
        is_dropped = (chance < self.word_dropout) & ~torch.isin(batch.input, around)
        return replace(batch, input=batch.input.masked_fill(is_dropped, self.reserved.unknown))

    def _checked(self) -> tuple[Labelled, Labelled]:
        train, test = self.labelled()
        names = {*train.labels, *test.labels}
        if len(names) < 2:
            raise ValueError(f"All texts are of one class, {min(names)!r}: there is nothing to tell apart.")
        missing = names.difference(train.labels[row] for row in self._kept(train.labels))
        if missing:
            raise ValueError(
                f"No text of class {min(missing)!r} is left to train on once the validation (and test) texts are held "
                "out: add some."
            )
        return train, test

    def _kept(self, labels: Sequence[str]) -> list[int]:
        """Which of the training texts are not held out for validation."""
        return held_out(labels, self.val_fraction, self.seed)[0].tolist()

    def _fit(self, train: Labelled) -> Tokenizer:
        texts = [train.texts[row] for row in self._kept(train.labels)]
        return fit(texts, kind=self.tokenizer_kind, vocab_size=self.vocab_size, lowercase=self.lowercase)

    def _split(self, arrays: Arrays) -> None:
        targets, num_train = self._targets(arrays), int(arrays["num_train"])
        ids, lengths = torch.from_numpy(arrays["ids"].astype(np.int32)), torch.from_numpy(arrays["lengths"])
        tokens = self.packed(ids, lengths, targets)
        train, val = held_out(arrays["labels"][:num_train], self.val_fraction, self.seed)
        test = torch.arange(num_train, len(tokens))
        self.train, self.val, self.test = (
            tokens.select(part).cut(self.length, self.keep) for part in (train, val, test)
        )
        digests = arrays["digests"]
        self._samples = {"val": _digest(digests[val].tobytes()), "test": _digest(digests[num_train:].tobytes())}

    def _targets(self, arrays: Arrays) -> Tensor | None:
        """Labels as numbers of classes: those of a restored model, if there is one."""
        found = tuple(arrays["names"].tolist())
        known = getattr(self, "target", None)
        names = known.names if isinstance(known, Classes) else found
        unknown = set(found).difference(names)
        if unknown:
            raise ValueError(f"The texts have a class {min(unknown)!r}, but the model knows only {', '.join(names)}.")
        self.target = Classes(names)
        return torch.tensor([names.index(name) for name in found])[arrays["labels"]]


def _encoded(tokenizer: Tokenizer, unknown: int, train: Labelled, test: Labelled) -> Arrays:
    ids, lengths = encode(tokenizer, train.texts + test.texts, unknown=unknown)
    ids = ids.astype(np.min_scalar_type(tokenizer.get_vocab_size()))  # two bytes each do, on disk
    names, labels = np.unique(train.labels + test.labels, return_inverse=True)
    return {
        "ids": ids,
        "lengths": lengths,
        "labels": labels,
        "names": names,
        "num_train": np.array(len(train.texts)),
        "digests": np.array([_digest(text.encode()) for text in train.texts + test.texts]),  # whatever the tokenizer
    }


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def _name(stamp: Any, made_with: Any) -> str | None:
    return None if stamp is None else fingerprint(_VERSION, tokenizers.__version__, stamp, made_with)


def _packed(text: str) -> Arrays:
    return {"utf8": np.frombuffer(text.encode(), np.uint8)}


def _unpacked(arrays: Arrays) -> str:
    return arrays["utf8"].tobytes().decode()
