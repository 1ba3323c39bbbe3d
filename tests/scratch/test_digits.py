"""Real handwriting: how many digits that they have never seen a plain and a convolutional network read."""

import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from iolaus.scratch import (
    AdamW,
    BatchNorm,
    Conv2d,
    CosineAnnealingLR,
    CrossEntropyLoss,
    Flatten,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    Tensor,
    manual_seed,
    no_grad,
)

NUM_TRAIN = 1437


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (1797, 1, 8, 8) and labels, shuffled; they lie inside scikit-learn, which need not be imported."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    table = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    table = np.random.default_rng(0).permutation(table)
    return (table[:, :-1] / 16).reshape(-1, 1, 8, 8), table[:, -1].astype(int)


def accuracy_after_training(model: Module, num_epochs: int, lr: float, batch_size: int = 64) -> float:
    pictures, labels = digits()
    pictures = pictures.astype("float32")
    model.to("float32")
    optimizer, random = AdamW(model.parameters(), lr=lr), np.random.default_rng(0)
    num_batches = NUM_TRAIN // batch_size
    schedule = CosineAnnealingLR(optimizer, num_epochs * num_batches)
    for _ in range(num_epochs):
        for batch in random.permutation(NUM_TRAIN)[: num_batches * batch_size].reshape(num_batches, batch_size):
            optimizer.zero_grad()
            CrossEntropyLoss()(model(Tensor(pictures[batch])), Tensor(labels[batch])).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with no_grad():
        return float((model(Tensor(pictures[NUM_TRAIN:])).argmax(1).data == labels[NUM_TRAIN:]).mean())


def plain() -> Module:
    return Sequential(Flatten(), Linear(64, 128), ReLU(), Linear(128, 10))


def convolutional() -> Module:
    first = [Conv2d(1, 16, 3, padding=1), BatchNorm(16), ReLU(), MaxPool2d(2)]
    second = [Conv2d(16, 32, 3, padding=1), BatchNorm(32), ReLU(), Flatten()]
    return Sequential(*first, *second, Linear(32 * 4 * 4, 10))


@pytest.mark.parametrize(
    ("build", "num_epochs", "lr", "least"), [(plain, 30, 3e-3, 0.97), (convolutional, 6, 5e-3, 0.98)]
)
def test_digits_are_read(build, num_epochs: int, lr: float, least: float):
    manual_seed(0)
    assert accuracy_after_training(build(), num_epochs, lr) >= least


if __name__ == "__main__":  # what docs/results.md reports
    for build, num_epochs, lr in ((plain, 30, 3e-3), (convolutional, 8, 5e-3)):
        for seed in range(5):
            manual_seed(seed)
            start = time.process_time()
            accuracy = accuracy_after_training(build(), num_epochs, lr)
            print(f"{build.__name__}, seed {seed}: {accuracy:.2%} in {time.process_time() - start:.1f} s")
