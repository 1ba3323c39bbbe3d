"""What language models are asked, and what is reported of their answers."""

import math
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.loader import Loader
from iolaus.data.order import Order
from iolaus.data.text.tokens import Tokens
from iolaus.layers.adaptive_softmax import AdaptiveHead
from iolaus.losses import CrossEntropy
from iolaus.models.bert import BERT
from iolaus.models.gpt import GPT
from iolaus.models.rnn import LSTM
from iolaus.schedulers import constant
from iolaus.spec import Classes, Text, Vocabulary
from iolaus.tasks.language_model import LanguageModel
from iolaus.tasks.masked_language_model import MaskedLanguageModel, hide

TEXT, VOCABULARY = Text(40, 12), Vocabulary(40)


def parts() -> tuple[Any, ...]:
    return CrossEntropy(), torch.optim.SGD, constant


def gpt() -> GPT:
    torch.manual_seed(0)
    return GPT(TEXT, VOCABULARY, dim=16, num_layers=1, num_heads=2)


def texts() -> Tokens:
    lengths = torch.tensor([3, 9, 5, 2, 11, 1, 7])
    ids = torch.randint(5, 40, (int(lengths.sum()),), generator=torch.Generator().manual_seed(0))
    return Tokens.packed(ids, lengths)


def batch_of(ids: list[list[int]], seed: int | None = 1) -> Batch:
    return Batch(torch.tensor(ids), None, torch.arange(len(ids)), seed)


def test_the_next_token_is_asked_for_at_every_place() -> None:
    task = LanguageModel(gpt(), VOCABULARY, *parts())
    read, asked = task.question(batch_of([[7, 8, 9], [5, 0, 0]]))
    assert read.tolist() == [[2, 7, 8], [2, 5, 0]]
    assert asked.tolist() == [[7, 8, 9], [5, 0, 0]]
    read, asked = task.question(batch_of([[2, 7, 8, 3], [2, 5, 3, 0]]))  # framed already
    assert read.tolist() == [[2, 7, 8], [2, 5, 3]]
    assert asked.tolist() == [[7, 8, 3], [5, 3, 0]]


def test_perplexity_is_of_all_tokens_of_an_epoch(tmp_path: Path) -> None:
    """Not a mean over batches or texts: long texts count for more."""
    model, split = gpt().eval(), texts()
    task = LanguageModel(model, VOCABULARY, *parts())
    trainer = L.Trainer(
        logger=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.test(task, Loader(split, Order(len(split), 3)), verbose=False)
    losses: list[Tensor] = []
    right = 0
    for number in range(len(split)):
        x = split.batch(torch.tensor([number])).input
        logits = model(torch.cat([torch.tensor([[2]]), x[:, :-1]], 1))[0]
        losses += F.cross_entropy(logits, x[0], reduction="none").unbind()
        right += int((logits.argmax(1) == x[0]).sum())
    loss = torch.stack(losses).mean().item()
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    expected = {"test/loss": loss, "test/perplexity": math.exp(loss), "test/accuracy": right / len(losses)}
    assert metrics == pytest.approx(expected, rel=1e-5)


def test_what_is_hidden_follows_the_paper() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(5, 1000, (200, 100), generator=generator)
    x[:, 0], x[:, 90], x[:, 91:] = 2, 3, 0
    vocabulary = Vocabulary(1000)
    read, asked = hide(x, vocabulary, 0.15, torch.Generator().manual_seed(1))
    is_asked = asked != 0
    assert torch.equal(asked[is_asked], x[is_asked])
    assert torch.equal(read[~is_asked], x[~is_asked])
    assert not is_asked[:, [0, *range(90, 100)]].any()
    words = is_asked[:, 1:90]
    assert words.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert (read[is_asked] == 4).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (read[is_asked] == x[is_asked]).float().mean().item() == pytest.approx(0.1, abs=0.02)
    again, _ = hide(x, vocabulary, 0.15, torch.Generator().manual_seed(1))
    assert torch.equal(read, again)


def test_something_is_always_asked() -> None:
    for seed in range(20):
        _, asked = hide(torch.tensor([[2, 9, 3, 0]]), VOCABULARY, 0.15, torch.Generator().manual_seed(seed))
        assert asked.tolist() == [[0, 9, 0, 0]]


def test_training_draws_anew_and_evaluation_does_not() -> None:
    model = BERT(TEXT, VOCABULARY, dim=16, num_layers=1, num_heads=2)
    task = MaskedLanguageModel(model, VOCABULARY, *parts(), share=0.5)
    x = torch.arange(5, 35).view(3, 10).tolist()
    first, second = (task.question(batch_of(x))[0] for _ in range(2))
    assert not torch.equal(first, second)
    first, second = (task.question(batch_of(x, seed=None))[0] for _ in range(2))
    assert torch.equal(first, second)


def test_a_model_that_cannot_do_it_is_refused() -> None:
    bert = BERT(TEXT, VOCABULARY, dim=16, num_layers=1, num_heads=2)
    with pytest.raises(ValueError, match=r"cannot see what comes next: type model=gpt"):
        LanguageModel(bert, VOCABULARY, *parts())
    with pytest.raises(ValueError, match=r"from both sides, .*type model=bert"):
        MaskedLanguageModel(gpt(), VOCABULARY, *parts())
    LanguageModel(LSTM(TEXT, VOCABULARY, dim=8, bidirectional=False), VOCABULARY, *parts())
    with pytest.raises(ValueError, match="has no token for what is hidden"):
        MaskedLanguageModel(bert, Vocabulary(40, mask=None), *parts())


def test_the_head_is_for_the_vocabulary_whatever_the_labels() -> None:
    assert LanguageModel.targets(Text(9, 5, pad=1, start=6), Classes(("a", "b"))) == (
        Text(9, 5, pad=1, start=6),
        Vocabulary(9, pad=1, start=6),
    )


def adaptive(loss: CrossEntropy) -> LanguageModel:
    torch.manual_seed(0)
    target = Vocabulary(40, softmax="adaptive")
    model = LSTM(TEXT, target, dim=16, bidirectional=False).eval()
    return LanguageModel(model, target, loss, torch.optim.SGD, constant, softmax="adaptive")


def test_an_adaptive_softmax_gives_the_loss_of_its_probabilities() -> None:
    task, batch = adaptive(CrossEntropy()), texts().batch(torch.arange(7))
    loss, losses = task.step(batch, "val")
    read, asked = task.question(batch)
    expected = F.cross_entropy(task.model(read).transpose(1, 2), asked, ignore_index=0)
    torch.testing.assert_close(loss, expected)
    assert len(losses) == int((asked != 0).sum())
    assert set(task.means("val")) == {"loss", "perplexity"}  # the likeliest token would take every score


def test_an_adaptive_softmax_serves_other_losses_with_every_score() -> None:
    with pytest.warns(UserWarning, match=r"^task\.softmax=adaptive saves no time with this loss"):
        task = adaptive(CrossEntropy(label_smoothing=0.1))
    batch = texts().batch(torch.arange(7))
    loss, _ = task.step(batch, "val")
    read, asked = task.question(batch)
    expected = F.cross_entropy(task.model(read).transpose(1, 2), asked, ignore_index=0, label_smoothing=0.1)
    torch.testing.assert_close(loss, expected)


def test_gpt_has_an_adaptive_softmax_where_it_is_asked_for() -> None:
    target = Vocabulary(40, softmax="adaptive")
    model = GPT(TEXT, target, dim=16, num_layers=1, num_heads=2)
    assert isinstance(model.head, AdaptiveHead)
    LanguageModel(model, target, *parts(), softmax="adaptive").step(texts().batch(torch.arange(7)), "train")


def test_bert_scores_tokens_by_their_vectors() -> None:
    target = Vocabulary(40, softmax="adaptive")
    model = BERT(TEXT, target, dim=16, num_layers=1, num_heads=2)
    with pytest.warns(UserWarning, match=r"^task\.softmax=adaptive has no effect on this model"):
        MaskedLanguageModel(model, target, *parts(), softmax="adaptive")
