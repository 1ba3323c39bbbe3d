"""What two options save of a training step on texts, on this machine's CPU: ratios to the step without them.

    python benchmarks/text.py [--quick] [--processor] [--rounds 5]

task.softmax=adaptive: a language model, model=lstm, 16 pieces of 128 words out of 30,000, which are as frequent as
words are (Zipf: the n-th has 1/n of the first one's share), in bfloat16. model.attention_dropout=0: model=bert, which
classifies 16 texts of 256 words, in float32.
"""

from collections.abc import Callable
from functools import partial

import torch
from alternate import alternate, arguments, seconds_of
from torch import Tensor

from iolaus.batch import Batch
from iolaus.config.build import build_model, build_task
from iolaus.config.compose import compose
from iolaus.spec import Classes, Text

LANGUAGE_MODEL = ["task=language_model", "data=reviews", "model=lstm", "model.dim=256", "model.bidirectional=false"]
CLASSIFIER = ["model=bert", "task=classify"]
VERDICTS = Classes(("negative", "positive"))


def words(num_texts: int, length: int, vocab_size: int) -> Tensor:
    """(num_texts, length) ids, none of them reserved."""
    shares = 1 / torch.arange(1, vocab_size - 4)
    return 5 + torch.multinomial(shares, num_texts * length, replacement=True).view(num_texts, length)


def training_step(overrides: list[str], input: Text, batch: Batch, *, bfloat16: bool) -> Callable[[], None]:
    config = compose(overrides).config
    model = build_model(config, input, VERDICTS)
    task = build_task(config, model, input, VERDICTS)
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss, _ = task.step(batch, "train")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def compare(title: str, steps: dict[str, Callable[[], None]], num_rounds: int) -> None:
    """The first one is the baseline."""
    baseline = next(iter(steps))
    rounds = alternate({name: partial(seconds_of, step) for name, step in steps.items()}, num_rounds=num_rounds)
    for name in steps:
        print(f"{title:<32} {name:<26} {rounds.median(name) * 1e3:8.1f} ms  {rounds.ratio(name, baseline):5.2f} ×")
    print()


def main() -> None:
    options = arguments(__doc__, num_rounds=5)
    size, length = (1000, 16) if options.quick else (30_000, 128)
    batch = Batch(words(16, length, size), None, torch.arange(16), 1)
    text = Text(size, length)
    softmaxes = {
        f"softmax={name}": training_step([*LANGUAGE_MODEL, f"task.softmax={name}"], text, batch, bfloat16=True)
        for name in ("full", "adaptive")
    }
    compare(f"language model, {size:,} words", softmaxes, options.rounds)
    batch = Batch(words(16, 2 * length, size), torch.arange(16) % 2, torch.arange(16), 1)
    dropouts = {
        f"attention_dropout={rate}": training_step(
            [*CLASSIFIER, f"model.attention_dropout={rate}"], Text(size, 2 * length), batch, bfloat16=False
        )
        for rate in (0.1, 0)
    }
    compare(f"bert, {2 * length} words", dropouts, options.rounds)


if __name__ == "__main__":
    main()
