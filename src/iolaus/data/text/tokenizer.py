"""From texts to token ids: whole words, or pieces of words, by Hugging Face's `tokenizers`.

The first ids are reserved: 0 for padding, 1 for what the vocabulary does not know, 2 and 3 for where a text starts and
ends, 4 for a hidden token. No text can spell them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

Kind = Literal["word", "bpe"]

PAD, UNKNOWN, START, END, MASK = range(5)
_RESERVED = ["[PAD]", "[UNK]", "[START]", "[END]", "[MASK]"]


@dataclass(frozen=True)
class Reserved:
    """The ids that a vocabulary keeps for other things than words; None: it has no such thing."""

    pad: int = PAD
    unknown: int = UNKNOWN
    start: int = START
    end: int = END
    mask: int | None = MASK


# A word keeps its apostrophes, so that "isn't" is one token and not the "isn" of "isn ' t"; punctuation stands alone.
_WORD = Regex(r"\w+(?:['’]\w+)*|[^\w\s]")
# Words seen once are left to the unknown token: nothing is learned from one example, and the unknown has to be met in
# training to mean anything.
_MIN_COUNT = 2
_TEXTS_PER_CALL = 1000  # encodings take a multiple of the memory of their ids


def fit(texts: Sequence[str], *, kind: Kind, vocab_size: int, lowercase: bool) -> Tokenizer:
    """A tokenizer with the (at most) `vocab_size` most frequent words or pieces of `texts`.

    word: words and single punctuation marks. bpe: byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909), on
    characters; "▁" stands for the space before a word.
    """
    tokenizer, trainer = _words(vocab_size) if kind == "word" else _pieces(vocab_size)
    steps = [normalizers.NFKC(), *([normalizers.Lowercase()] if lowercase else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.train_from_iterator(texts, trainer)
    return without_spelled_ids(tokenizer)


def read(text: str) -> Tokenizer:
    """The tokenizer that a checkpoint holds.

    Raises:
        ValueError: if it is none.
    """
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises no other type
        raise ValueError(f"what should be a tokenizer is none ({str(error).splitlines()[0]}).") from error


def encode(tokenizer: Tokenizer, texts: Sequence[str], *, unknown: int = UNKNOWN) -> tuple[np.ndarray, np.ndarray]:
    """All ids, one text behind the other, (T,) int32, and how many each text has, (N,) int64: never none."""
    ids = [np.array(text or [unknown], np.int32) for text in _encoded(tokenizer, texts)]
    return np.concatenate(ids), np.array([len(text) for text in ids])


def _encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[list[int]]:
    for start in range(0, len(texts), _TEXTS_PER_CALL):
        for encoding in tokenizer.encode_batch_fast(texts[start : start + _TEXTS_PER_CALL], add_special_tokens=False):
            yield encoding.ids


def _words(vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    tokenizer = Tokenizer(models.WordLevel(unk_token=_RESERVED[UNKNOWN]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(_WORD, "removed", invert=True)
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocab_size, min_frequency=_MIN_COUNT, special_tokens=_RESERVED, show_progress=False
    )
    return tokenizer, trainer


def _pieces(vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    tokenizer = Tokenizer(models.BPE(unk_token=_RESERVED[UNKNOWN], fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=_MIN_COUNT,
        limit_alphabet=max(
            1, (vocab_size - len(_RESERVED)) // 2
        ),  # or rare characters would leave no room for pieces of words
        special_tokens=_RESERVED,
        show_progress=False,
    )
    return tokenizer, trainer


def without_spelled_ids(tokenizer: Tokenizer) -> Tokenizer:
    """The reserved tokens keep their ids, but a text that says "[PAD]" is no longer read as padding."""
    changed = json.loads(tokenizer.to_str()) | {"added_tokens": [], "post_processor": None}
    return Tokenizer.from_str(json.dumps(changed))
