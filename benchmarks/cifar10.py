"""Which network for pictures learns most in 20 minutes: trains each on CIFAR-10, one after the other, and draws their
accuracy against time.

    python benchmarks/cifar10.py FOLDER                     every run that FOLDER lacks, then the table and the picture
    python benchmarks/cifar10.py FOLDER --networks vgg,vit  only of these
    python benchmarks/cifar10.py FOLDER --table             runs nothing

It can be stopped at any time: finished runs are known by their summary.json, an unfinished one goes on from its last
checkpoint with the time that it has left. The curves are in FOLDER/cifar10.png. Times mean something on an idle machine
only.
"""

import argparse
import csv
import re
from pathlib import Path

from matplotlib.figure import Figure
from runs import make, summary

EXPERIMENTS = {"resnet": "cifar10_timed"} | {
    name: f"cifar10_timed_{name}" for name in ("lenet", "alexnet", "vgg", "densenet", "vit")
}


def curve(folder: Path) -> tuple[list[float], list[float]]:
    """Minutes at the end of each epoch, and validation accuracy then."""
    lines = re.findall(r"^.*epoch +\d+/\d+ .*\(([\d.]+) s\)$", (folder / "run.log").read_text(), re.M)
    with (folder / "metrics.csv").open(newline="") as file:
        accuracies = [float(row["val/accuracy"]) for row in csv.DictReader(file) if row.get("val/accuracy")]
    minutes, passed = [], 0.0
    for seconds in lines[: len(accuracies)]:
        passed += float(seconds) / 60
        minutes.append(passed)
    return minutes, accuracies[: len(minutes)]


def table(root: Path) -> str:
    lines = ["| network | parameters | epochs | test accuracy | fit time |", "|---|---|---|---|---|"]
    for network in EXPERIMENTS:
        found = summary(root / network)
        if found:
            epochs = len(curve(root / network)[0])
            size, accuracy, seconds = found["num_parameters"], found["test/accuracy"], found["fit_seconds"]
            lines.append(f"| {network} | {size / 1e6:.2f} M | {epochs} | {100 * accuracy:.2f} % | {seconds:.0f} s |")
    return "\n".join(lines)


def draw(root: Path) -> None:
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for network in EXPERIMENTS:
        if summary(root / network):
            minutes, accuracies = curve(root / network)
            axes.plot(minutes, [100 * accuracy for accuracy in accuracies], marker=".", label=network)
    axes.set_xlabel("minutes of training")
    axes.set_ylabel("validation accuracy (%)")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="lower right")
    figure.savefig(root / "cifar10.png", dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--networks", default=",".join(EXPERIMENTS))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("overrides", nargs="*", help="for every new run, as train.py takes them")
    options = parser.parse_intermixed_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for network in [] if options.table else options.networks.split(","):
        if not summary(options.folder / network):
            make(options.folder / network, [f"experiment={EXPERIMENTS[network]}", *options.overrides])
    print(table(options.folder))
    draw(options.folder)


if __name__ == "__main__":
    main()
