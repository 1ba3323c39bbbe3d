"""Retrieval by nearness, against torchmetrics; and which batches a metric loss can learn from."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.retrieval import RetrievalMAP, RetrievalPrecision

from iolaus.batch import Batch
from iolaus.losses import SupervisedContrastive
from iolaus.spec import Classes, Image, Vector
from iolaus.tasks.embed import Embed
from iolaus.tasks.retrieval import retrieval
from tests.tasks.test_metrics import answer, parts

N = 41


@pytest.fixture
def found() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(6, (N,), generator=generator)
    labels[0] = 6  # alone
    near = F.one_hot(labels, 8).float() + 0.8 * torch.randn(N, 8, generator=generator)
    return F.normalize(near, dim=1), labels


def torchmetrics(vectors: Tensor, labels: Tensor) -> dict[str, float]:
    others = ~torch.eye(len(labels), dtype=torch.bool)
    query = torch.arange(len(labels)).unsqueeze(1).expand_as(others)
    likeness = 2 + vectors @ vectors.T  # it takes what is not positive for nothing found
    arguments = likeness[others], (labels == labels[:, None])[others], query[others]
    first = RetrievalPrecision(top_k=1, empty_target_action="skip")
    return {
        "recall_at_1": first(arguments[0], arguments[1], indexes=arguments[2]).item(),
        "map": RetrievalMAP(empty_target_action="skip")(arguments[0], arguments[1], indexes=arguments[2]).item(),
    }


def test_retrieval_is_torchmetrics(found: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    assert retrieval(*found) == pytest.approx(torchmetrics(*found), abs=1e-6)
    monkeypatch.setattr("iolaus.tasks.retrieval._QUERIES_AT_ONCE", 7)
    assert retrieval(*found) == pytest.approx(torchmetrics(*found), abs=1e-6)


def test_nothing_to_find_is_nothing_found() -> None:
    assert retrieval(torch.eye(3), torch.arange(3)) == {"recall_at_1": 0.0, "map": 0.0}


def test_one_vector_has_no_others_to_find() -> None:
    assert retrieval(torch.eye(1), torch.arange(1)) == {"recall_at_1": 0.0, "map": 0.0}


def task() -> Embed:
    return Embed(nn.Identity(), Vector(8, ("a", "b")), *parts(SupervisedContrastive()), dim=8)


def test_a_test_compares_all_samples(found: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    metrics = answer(task(), *found, tmp_path)
    assert metrics["test/map"] == pytest.approx(torchmetrics(*found)["map"], abs=1e-6)
    assert metrics["test/recall_at_1"] == pytest.approx(torchmetrics(*found)["recall_at_1"], abs=1e-6)


def test_of_very_many_samples_some_are_compared(
    found: tuple[Tensor, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iolaus.tasks.embed._MAX_SAMPLES", 21)
    metrics = answer(task(), *found, tmp_path)
    assert metrics["test/map"] == pytest.approx(retrieval(*(part[::2] for part in found))["map"], abs=1e-6)


def test_a_model_answers_with_vectors_of_the_tasks_size() -> None:
    asked = Embed.targets(Image(1, 8, 8), Classes(("a", "b")), dim=5)
    assert asked == (Image(1, 8, 8), Vector(5, ("a", "b")))


def test_mixed_pictures_are_refused() -> None:
    batch = Batch(torch.rand(2, 8), torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.arange(2))
    with pytest.raises(ValueError, match=r"data\.mixup=0"):
        task().step(batch, "train")
