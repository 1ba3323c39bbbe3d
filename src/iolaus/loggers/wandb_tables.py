"""A test's predictions, confusion matrix, and curves over all thresholds, as W&B shows them."""

from typing import Any

import torch
from torch import Tensor

from iolaus.loggers.samples import TestSamples

# More classes make curves that nobody tells apart.
_MAX_CURVES, _NUM_THRESHOLDS = 10, 101


def log_predictions(run: Any, samples: TestSamples) -> None:
    """A table with a row per sample: what the model saw, said, and should have said."""
    from PIL.Image import Image as Picture
    from wandb import Image, Table

    names = samples.names
    table = Table(columns=["sample", "truth", "prediction", "is right", *(f"p({name})" for name in names)])
    for sample in samples.shown:
        shown = Image(sample.shown) if isinstance(sample.shown, Picture) else sample.shown
        is_right = sample.truth == sample.prediction
        table.add_data(shown, names[sample.truth], names[sample.prediction], is_right, *sample.shares)
    run.log({"test/predictions": table})


def log_charts(run: Any, samples: TestSamples) -> None:
    """The confusion matrix; precision over recall and true over false positives, one curve per class."""
    from wandb import Table
    from wandb.plot import plot_table

    counts = confusion(samples.probabilities, samples.targets)
    cells = [
        [truth, prediction, count]
        for truth, row in zip(samples.names, counts.tolist(), strict=True)
        for prediction, count in zip(samples.names, row, strict=True)
    ]
    columns = ["Actual", "Predicted", "nPredictions"]
    chart = plot_table(
        "wandb/confusion_matrix/v1",
        Table(columns=[*columns], data=cells),
        {column: column for column in columns},
        {"title": "Confusion matrix"},
    )
    run.log({"test/confusion": chart})
    for name, (x, y) in {"precision_recall": ("recall", "precision"), "roc": ("fpr", "tpr")}.items():
        rows = [
            [samples.names[place], round(point[x], 6), round(point[y], 6)]
            for place in range(min(len(samples.names), _MAX_CURVES))
            for point in threshold_curve(samples.probabilities[:, place], samples.targets == place)
        ]
        table = Table(columns=["class", x, y], data=rows)
        fields, titles = {"x": x, "y": y, "class": "class"}, {"title": name.replace("_", " ")}
        run.log({f"test/{name}": plot_table("wandb/area-under-curve/v0", table, fields, titles)})


def confusion(probabilities: Tensor, targets: Tensor) -> Tensor:
    """(classes, classes): rows are true, columns predicted."""
    num_classes = probabilities.shape[1]
    cells = targets * num_classes + probabilities.argmax(dim=1)
    return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def threshold_curve(shares: Tensor, is_true: Tensor) -> list[dict[str, float]]:
    """Precision, recall (which is the rate of true positives, tpr) and that of false positives, fpr, at evenly spaced
    thresholds from 1 down to 0. `shares` (samples,), `is_true` (samples,)."""
    thresholds = torch.linspace(1, 0, _NUM_THRESHOLDS)
    claimed = shares[None] >= thresholds[:, None]  # (thresholds, samples)
    num_right = (claimed & is_true).sum(1).double()
    num_wrong = (claimed & ~is_true).sum(1).double()
    recall = num_right / is_true.sum().clamp(min=1)
    false_positives = num_wrong / (~is_true).sum().clamp(min=1)
    precision = torch.where(num_right + num_wrong > 0, num_right / (num_right + num_wrong).clamp(min=1), 1.0)
    return [
        {"precision": p, "recall": r, "tpr": r, "fpr": f}
        for p, r, f in zip(precision.tolist(), recall.tolist(), false_positives.tolist(), strict=True)
    ]
