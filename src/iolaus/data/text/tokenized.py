"""What data of texts share: a tokenizer, the ids that it reserves, and what stands around a text."""

from dataclasses import asdict
from typing import Annotated, Any

from annotated_types import Ge
from tokenizers import Tokenizer
from torch import Tensor

from iolaus.data.module import DataModule
from iolaus.data.splits import Share
from iolaus.data.text.tokenizer import Kind, Reserved, read
from iolaus.data.text.tokens import Frame, Tokens
from iolaus.ranges import Count
from iolaus.spec import Text

VocabSize = Annotated[int, Ge(6)]  # what is reserved, and a word


class TokenizedData(DataModule):
    """Texts as token ids.

    val_fraction: of the training texts, held out for validation; the tokenizer never sees them.
    tokenizer: `word`, or `bpe` for pieces of words.
    vocab_size: at most this many different tokens, five reserved ones among them (padding, the unknown, start, end and
        mask).
    length: the most tokens of a text.
    framed: every text begins with the token for its start and ends with that for its end, which count as two of its
        length: what models expect that learn from text by itself (Devlin et al. 2019; Radford et al. 2018).
    lowercase: whether "Good" and "good" are one word.
    """

    tokenizer: Tokenizer | None = None
    reserved = Reserved()

    def __init__(
        self,
        *,
        val_fraction: Share = 0.1,
        tokenizer: Kind = "word",
        vocab_size: VocabSize = 10_000,
        length: Count = 256,
        framed: bool = False,
        lowercase: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if framed and length < 3:
            raise ValueError(f"data.length={length} leaves no room between start and end: type data.length=3 or more.")
        self.val_fraction = val_fraction
        self.tokenizer_kind: Kind = tokenizer
        self.vocab_size = vocab_size
        self.length = length
        self.frame: Frame = ((self.reserved.start,), (self.reserved.end,)) if framed else ((), ())
        self.lowercase = lowercase

    def spec(self) -> Text:
        """What models read: sizes as asked for, until there is a tokenizer."""
        size = self.tokenizer.get_vocab_size() if self.tokenizer else self.vocab_size
        ids = self.reserved
        return Text(
            max(size, ids.pad + 1),
            self.length,
            pad=ids.pad,
            start=ids.start,
            end=ids.end,
            mask=ids.mask,
            framed=bool(self.frame[0]),
        )

    def packed(self, ids: Tensor, lengths: Tensor, targets: Tensor | None = None) -> Tokens:
        return Tokens.packed(ids, lengths, targets, frame=self.frame, pad=self.reserved.pad)

    def decode(self, ids: Tensor) -> str:
        """The text that these ids (L,) stand for, without start, end and padding."""
        assert self.tokenizer is not None
        unread = {self.reserved.pad, self.reserved.start, self.reserved.end}
        return self.tokenizer.decode([number for number in ids.tolist() if number not in unread])

    def fitted(self) -> dict[str, Any]:
        assert self.tokenizer is not None
        frame = [list(part) for part in self.frame]
        return {"tokenizer": self.tokenizer.to_str(), "reserved": asdict(self.reserved), "frame": frame}

    def restore(self, fitted: dict[str, Any]) -> None:
        if self._is_read and fitted != self.fitted():
            raise ValueError("The training texts or their options have changed since this run began: start a new run.")
        self.inherit(fitted)

    def inherit(self, fitted: dict[str, Any]) -> None:
        """Weights learned elsewhere know tokens by the numbers that they had there, and texts by how they begin."""
        if "tokenizer" in fitted:
            self.tokenizer = read(fitted["tokenizer"])
            self.reserved = Reserved(**fitted["reserved"])
            before, after = fitted["frame"]
            self.frame = tuple(before), tuple(after)
