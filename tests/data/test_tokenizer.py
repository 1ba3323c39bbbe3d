"""Tokenizers: what becomes one token, which ids mean what, and that the same texts always give the same ones."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from iolaus.data.text.tokenizer import END, MASK, PAD, START, UNKNOWN, Kind, encode, fit

TEXTS = [
    "The film isn't bad.",
    "the film is bad, bad, bad!",
    "A film; the film.",
    "Isn't it? It isn't: is it a bad film?",
]


def words(tokenizer: Tokenizer, text: str) -> list[str | None]:
    return [tokenizer.id_to_token(number) for number in encode(tokenizer, [text])[0]]


def test_a_word_keeps_its_apostrophes_and_punctuation_stands_alone() -> None:
    tokenizer = fit(TEXTS, kind="word", vocab_size=50, lowercase=True)
    assert words(tokenizer, "The FILM isn't bad.") == ["the", "film", "isn't", "bad", "."]


def test_case_is_kept_on_demand() -> None:
    texts = ["Good good", "Good good"]
    assert len(set(encode(fit(texts, kind="word", vocab_size=50, lowercase=False), texts)[0])) == 2
    assert len(set(encode(fit(texts, kind="word", vocab_size=50, lowercase=True), texts)[0])) == 1


def test_the_vocabulary_holds_the_most_frequent_words_seen_more_than_once() -> None:
    texts = ["a a a a", "b b b", "c c", "d"]
    everything = fit(texts, kind="word", vocab_size=50, lowercase=True)
    assert everything.get_vocab_size() == 8  # five that are reserved, a, b, c
    assert words(everything, "a b c d") == ["a", "b", "c", "[UNK]"]
    assert words(fit(texts, kind="word", vocab_size=7, lowercase=True), "a b c d") == ["a", "b", "[UNK]", "[UNK]"]


def test_pieces_make_up_words_never_seen() -> None:
    tokenizer = fit(["low lower lowest slow slower"] * 3, kind="bpe", vocab_size=40, lowercase=True)
    ids, _ = encode(tokenizer, ["slowest"])
    assert UNKNOWN not in ids
    assert "".join(map(str, words(tokenizer, "slowest"))) == "▁slowest"
    assert 1 < len(ids) < len("▁slowest")
    assert UNKNOWN in encode(tokenizer, ["låw"])[0]


@pytest.mark.parametrize("vocab_size", [7, 8, 20, 100])
@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_there_are_never_more_tokens_than_allowed(kind: Kind, vocab_size: int) -> None:
    tokenizer = fit(TEXTS, kind=kind, vocab_size=vocab_size, lowercase=True)
    assert tokenizer.get_vocab_size() <= vocab_size
    reserved = [tokenizer.id_to_token(number) for number in (PAD, UNKNOWN, START, END, MASK)]
    assert reserved == ["[PAD]", "[UNK]", "[START]", "[END]", "[MASK]"]
    assert encode(tokenizer, TEXTS)[0].max() < tokenizer.get_vocab_size()


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_no_text_can_spell_what_is_reserved(kind: Kind) -> None:
    texts = [*TEXTS, "[PAD] [UNK] [PAD] [MASK] [END] [START] [MASK] [END] [START]"]
    for tokenizer in (fit(texts, kind=kind, vocab_size=100, lowercase=low) for low in (True, False)):
        spelled = encode(tokenizer, ["[PAD]", "a [PAD] film", "[pad]", "[START] [END] [MASK]"])[0]
        assert {PAD, START, END, MASK}.isdisjoint(spelled.tolist())


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_every_text_has_a_token(kind: Kind) -> None:
    tokenizer = fit(TEXTS, kind=kind, vocab_size=100, lowercase=True)
    texts = ["\u200b", "\t", "日本語", "🙂", "\u0301"]
    ids, lengths = encode(tokenizer, texts)
    assert lengths.min() >= 1
    assert ids.dtype == np.int32
    assert len(ids) == lengths.sum()


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_batches_of_texts_are_encoded_like_single_ones(kind: Kind) -> None:
    tokenizer = fit(TEXTS, kind=kind, vocab_size=100, lowercase=True)
    texts = TEXTS * 600  # more than one call's worth
    ids, lengths = encode(tokenizer, texts)
    starts = lengths.cumsum() - lengths
    for row in (0, 1, 999, 1000, 2399):
        alone, _ = encode(tokenizer, [texts[row]])
        assert ids[starts[row] : starts[row] + lengths[row]].tolist() == alone.tolist()


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_the_same_texts_give_the_same_tokenizer(kind: Kind) -> None:
    made = {fit(TEXTS, kind=kind, vocab_size=100, lowercase=True).to_str() for _ in range(3)}
    assert len(made) == 1
