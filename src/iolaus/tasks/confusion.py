"""The confusion matrix as a table and as a picture."""

import csv
from pathlib import Path

from torch import Tensor

# More classes than this make cells too small to read a number in.
_MAX_ANNOTATED = 20


def write_confusion(counts: Tensor, names: tuple[str, ...], folder: Path) -> None:
    """Writes confusion.csv and confusion.png. `counts` (classes, classes): rows are true, columns predicted."""
    with (folder / "confusion.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["true \\ predicted", *names])
        writer.writerows([name, *row] for name, row in zip(names, counts.tolist(), strict=True))
    _draw(counts, names, folder / "confusion.png")


def _draw(counts: Tensor, names: tuple[str, ...], path: Path) -> None:
    from matplotlib.figure import Figure  # 0.3 s that only a finished test pays

    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    side = max(3.5, min(12.0, 0.55 * len(names) + 1.5))
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.add_subplot()
    picture = axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(picture, label="share of the true class", shrink=0.8)
    axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 3 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if len(names) <= _MAX_ANNOTATED:
        for row, column in counts.nonzero().tolist():
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{int(counts[row, column])}", ha="center", va="center", color=color, fontsize=8)
    figure.savefig(path, dpi=120)
