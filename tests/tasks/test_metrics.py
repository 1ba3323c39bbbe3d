"""What a test reports is what scikit-learn and plain formulas make of the same predictions."""

import csv
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, mean_pinball_loss, precision_recall_fscore_support
from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.data.loader import Loader
from iolaus.data.order import Order
from iolaus.losses import CrossEntropy, Quantile
from iolaus.schedulers import constant
from iolaus.spec import Classes
from iolaus.spec import Forecast as ForecastTarget
from iolaus.tasks.classify import Classify
from iolaus.tasks.forecast import Forecast, ForecastQuantile
from iolaus.tasks.task import Task


class Answers:
    """A split whose inputs are the answers that the model gives."""

    def __init__(self, outputs: Tensor, targets: Tensor) -> None:
        self.outputs, self.targets = outputs, targets

    def __len__(self) -> int:
        return len(self.outputs)

    def batch(self, index: Tensor) -> Batch:
        return Batch(self.outputs[index], self.targets[index], index)


def answer(task: Task, outputs: Tensor, targets: Tensor, folder: Path) -> dict[str, float]:
    """The metrics of a test in which the model says `outputs` (N, …) where `targets` (N, …) are right."""
    trainer = L.Trainer(
        logger=False, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder
    )
    trainer.test(task, Loader(Answers(outputs, targets), Order(len(outputs), 8)), verbose=False)
    return {name: value.item() for name, value in trainer.callback_metrics.items()}


def parts(loss: nn.Module) -> tuple[Any, ...]:
    return loss, torch.optim.SGD, constant


@pytest.fixture
def answers() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(45, 4, generator=generator), torch.randint(4, (45,), generator=generator)


def test_classification(answers: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    outputs, targets = answers
    names = ("a", "b", "c", "d")
    metrics = answer(Classify(nn.Identity(), Classes(names), *parts(CrossEntropy())), outputs, targets, tmp_path)
    predicted = outputs.argmax(1)
    precision, recall, f1, _ = precision_recall_fscore_support(targets, predicted, average="macro")
    expected = {
        "test/loss": nn.functional.cross_entropy(outputs, targets).item(),
        "test/accuracy": accuracy_score(targets, predicted),
        "test/precision": precision,
        "test/recall": recall,
        "test/f1": f1,
    }
    assert metrics == pytest.approx(expected, abs=1e-6)
    with (tmp_path / "confusion.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header[1:] == list(names)
    assert [[int(count) for count in row[1:]] for row in rows] == confusion_matrix(targets, predicted).tolist()
    assert (tmp_path / "confusion.png").stat().st_size > 1000


def test_a_class_that_never_occurs_breaks_nothing(answers: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    outputs, targets = answers
    targets = targets.clamp(max=2)
    task = Classify(nn.Identity(), Classes(("a", "b", "c", "d")), *parts(CrossEntropy()))
    assert all(value >= 0 for value in answer(task, outputs, targets, tmp_path).values())


def test_forecasts(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(2, 21, 12, 3, generator=generator)
    task = Forecast(nn.Identity(), ForecastTarget(3, 12), *parts(nn.MSELoss()))
    metrics = answer(task, outputs, targets, tmp_path)
    expected = {
        "test/mse": (outputs - targets).square().mean().item(),
        "test/mae": (outputs - targets).abs().mean().item(),
    }
    assert metrics == pytest.approx(expected | {"test/loss": expected["test/mse"]}, rel=1e-5)
    assert (tmp_path / "forecast.png").stat().st_size > 1000


def test_forecasts_of_a_quantile(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(2, 21, 12, 3, generator=generator)
    task = ForecastQuantile(nn.Identity(), ForecastTarget(3, 12), *parts(Quantile(quantile=0.9)))
    metrics = answer(task, outputs, targets, tmp_path)
    loss = mean_pinball_loss(targets.flatten(), outputs.flatten(), alpha=0.9)
    expected = {"test/loss": loss, "test/coverage": (targets.numpy() <= outputs.numpy()).mean()}
    assert metrics == pytest.approx(expected, rel=1e-5)


def test_a_forecast_of_the_middle_wants_a_loss_with_two_equal_sides() -> None:
    assert all(Forecast.suits(loss) for loss in (nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), Quantile(quantile=0.5)))
    assert not Forecast.suits(Quantile(quantile=0.9))
    assert ForecastQuantile.suits(Quantile(quantile=0.9))
    assert not ForecastQuantile.suits(nn.MSELoss())


def test_mixed_pictures_count_as_what_they_show_most_of() -> None:
    task = Classify(nn.Identity(), Classes(("a", "b")), *parts(CrossEntropy()))
    outputs = torch.tensor([[2.0, 1.0], [2.0, 1.0]])
    probabilities = torch.tensor([[0.7, 0.3], [0.2, 0.8]])
    assert task.measure(outputs, probabilities)["accuracy"] == 0.5


def test_a_picture_and_its_mirror_image_answer_together_but_not_in_training(tmp_path: Path) -> None:
    pictures = torch.rand(20, 1, 1, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(20) % 3
    task = Classify(nn.Flatten(), Classes(("a", "b", "c")), *parts(CrossEntropy()), mirror=True)
    assert torch.equal(task(pictures), pictures.flatten(1))  # training
    both = (pictures + pictures.flip(-1)).flatten(1) / 2
    torch.testing.assert_close(task.eval()(pictures), both)
    metrics = answer(task, pictures, targets, tmp_path)
    assert metrics["test/accuracy"] == pytest.approx(accuracy_score(targets, both.argmax(1)))
    assert metrics["test/accuracy"] != pytest.approx(accuracy_score(targets, pictures.flatten(1).argmax(1)))


def test_only_pictures_have_a_mirror_image() -> None:
    task = Classify(nn.Identity(), Classes(("a", "b")), *parts(CrossEntropy()), mirror=True).eval()
    with pytest.warns(UserWarning, match=r"^task\.mirror=true has no effect: only pictures have a mirror image\.$"):
        assert torch.equal(task(torch.eye(2)), torch.eye(2))
