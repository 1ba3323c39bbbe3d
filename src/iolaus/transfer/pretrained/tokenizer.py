"""The tokenizer that comes with published weights, as text data keep theirs."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from iolaus.data.text.tokenizer import read, without_spelled_ids

FILE = "tokenizer.json"

_UNKNOWNS, _MASKS = ("[UNK]", "<unk>"), ("[MASK]", "<mask>")


def fitted(file: Path, config: dict[str, Any]) -> dict[str, Any]:
    """What `TextData.inherit` takes: the tokenizer, the ids that it reserves, and what stands around a text.

    `config`: the model's. Where the vocabulary has no padding (GPT-2), the first id after it is padding.
    """
    try:
        tokenizer = read(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    before, after = _frame(tokenizer)
    pad = config.get("pad_token_id")
    end = after[-1] if after else _first(config.get("eos_token_id"), 0)
    start = before[0] if before else _first(config.get("decoder_start_token_id"), config.get("bos_token_id"), end)
    unknown, mask = _known(tokenizer, _UNKNOWNS), _known(tokenizer, _MASKS)
    reserved = {
        "pad": config["vocab_size"] if pad is None else pad,
        "unknown": end if unknown is None else unknown,
        "start": start,
        "end": end,
        "mask": mask,
    }
    return {"tokenizer": without_spelled_ids(tokenizer).to_str(), "reserved": reserved, "frame": [before, after]}


def _frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer puts before and after a text by itself."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    framed = tokenizer.encode("a").ids
    num_before = next(n for n in range(len(framed) + 1) if framed[n : n + len(plain)] == plain)
    return framed[:num_before], framed[num_before + len(plain) :]


def _known(tokenizer: Tokenizer, names: tuple[str, ...]) -> int | None:
    """The id of the one of these names that the vocabulary has."""
    return next((tokenizer.token_to_id(name) for name in names if tokenizer.token_to_id(name) is not None), None)


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
