"""From text to text: what is learned, and what a test reports of answers that are known."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.data.loader import Loader
from iolaus.data.order import Order
from iolaus.layers.features import Features
from iolaus.losses import CrossEntropy
from iolaus.schedulers import constant
from iolaus.spec import Sentence
from iolaus.tasks.seq2seq import Seq2Seq
from tests.conftest import Command

V = 20
SOURCES = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 13, 0], [9, 8, 7, 6, 5]])
ANSWERS = torch.tensor([[5, 6, 7, 8, 3], [10, 11, 12, 13, 3], [9, 8, 7, 3, 0]])


class Copies(nn.Module):
    """Writes what it reads, and then the end."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))
        self.head = Says()

    def features(self, source: Tensor, previous: Tensor) -> Features:
        said = torch.cat([source, torch.zeros_like(source)], 1)[:, : previous.shape[1]]
        return Features(self.scale * nn.functional.one_hot(said.where(said > 0, 3), V).float())

    def forward(self, source: Tensor, previous: Tensor) -> Tensor:
        return self.head(self.features(source, previous))

    def begin(self, source: Tensor) -> tuple[Tensor, int]:
        return source, 0

    def step(self, token: Tensor, state: tuple[Tensor, int]) -> tuple[Tensor, tuple[Tensor, int]]:
        source, place = state
        logits = self(source, token.new_zeros(len(token), place + 1))[:, -1]
        return logits, (source, place + 1)

    def stages(self) -> list[nn.Module]:
        return [self, self.head]


class Says(nn.Module):
    def forward(self, features: Features) -> Tensor:
        return features.values


class Pairs:
    def __len__(self) -> int:
        return len(SOURCES)

    def batch(self, index: Tensor) -> Batch:
        return Batch(SOURCES[index], ANSWERS[index], index)


def task(**options: Any) -> Seq2Seq:
    return Seq2Seq(Copies(), Sentence(V, 8), CrossEntropy(), torch.optim.SGD, constant, **options)


@pytest.mark.parametrize("num_beams", [1, 3])
def test_what_is_reported_of_known_answers(num_beams: int, tmp_path: Path) -> None:
    trainer = L.Trainer(
        logger=False, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.test(task(num_beams=num_beams), Loader(Pairs(), Order(3, 2)), verbose=False)
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    # Written: 5 6 7 8 9, 10 11 12 13 and 9 8 7 6 5; expected: 5 6 7 8, 10 11 12 13 and 9 8 7.
    assert metrics["test/exact"] == pytest.approx(1 / 3)
    assert metrics["test/accuracy"] == pytest.approx(12 / 14)
    f1 = [2 * (4 / 5) / (4 / 5 + 1), 1.0, 2 * (3 / 5) / (3 / 5 + 1)]
    assert metrics["test/rouge1"] == pytest.approx(sum(f1) / 3, abs=1e-5)
    assert metrics["test/rougeL"] == pytest.approx(sum(f1) / 3, abs=1e-5)
    precisions = [11 / 14, 8 / 11, 5 / 8, 2 / 5]  # of 1 to 4 tokens in a row; 14 were written, 11 expected: no penalty
    assert metrics["test/bleu"] == pytest.approx(torch.tensor(precisions).log().mean().exp().item(), abs=1e-5)
    assert metrics["test/perplexity"] == pytest.approx(torch.tensor(metrics["test/loss"]).exp().item(), rel=1e-4)


def test_it_learns_from_the_right_tokens_before() -> None:
    seen: list[Tensor] = []
    model: Any = Copies()
    features = model.features
    model.features = lambda source, previous: (seen.append(previous), features(source, previous))[1]
    trained = Seq2Seq(model, Sentence(V, 8), CrossEntropy(), torch.optim.SGD, constant)
    trained.step(Batch(SOURCES, ANSWERS, torch.arange(3)), "train")
    assert seen[0].tolist() == [[2, 5, 6, 7, 8], [2, 10, 11, 12, 13], [2, 9, 8, 7, 3]]


def test_a_penalty_without_a_search_has_no_effect_and_says_so() -> None:
    with pytest.warns(UserWarning, match=r"task\.length_penalty=0\.5 has no effect without a search"):
        Seq2Seq(Copies(), Sentence(V, 8), CrossEntropy(), torch.optim.SGD, constant, length_penalty=0.5)


def test_commands_write_texts(command: Command, tmp_path: Path) -> None:
    few = ("trainer.max_epochs=1", "+trainer.limit_train_batches=3", "+trainer.limit_test_batches=2", "model.dim=16")
    result = command("model=seq2seq", *few, "task.num_beams=2", "run_dir=run")
    assert result.returncode == 0, result.stderr
    assert "test/bleu" in result.stdout
    result = command("evaluate", "run", "task.num_beams=3", verb=True)
    assert result.returncode == 0, result.stderr
    (tmp_path / "mine.txt").write_text("reverse : owl cat dog")
    result = command("predict", "run", "--input", "mine.txt", verb=True)
    assert result.returncode == 0, result.stderr
    header, row = result.stdout.splitlines()
    assert header == "name,input,output"
    assert row.startswith("mine.txt,reverse : owl cat dog,")
    result = command("model=gpt", "task=language_model", *few, "model.num_layers=1", "run_dir=words")
    assert result.returncode == 0, result.stderr
    result = command("predict", "words", "--input", "mine.txt", verb=True)
    assert result.stdout.splitlines()[0] == "name,text,continuation", result.stderr
    result = command("model=bert", "task=masked_language_model", *few, "model.num_layers=1", "run_dir=hidden")
    assert result.returncode == 0, result.stderr
    result = command("predict", "hidden", "--input", "mine.txt", verb=True)
    assert result.stdout.splitlines()[0] == "name,text,perplexity,least_expected,expected_instead", result.stderr


def test_what_cannot_write_is_told_who_can(command: Command) -> None:
    result = command("model=lstm", "data=transductions")
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    assert "model=lstm cannot answer with Sentence" in line
    assert "seq2seq, t5" in line
