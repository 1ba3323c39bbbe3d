"""How well each forecaster does on ETTh1, beside what its paper says: makes the runs that are missing, prints a table.

    python benchmarks/etth1.py FOLDER                     every run that FOLDER lacks, the cheapest first
    python benchmarks/etth1.py FOLDER --models dlinear    only of these, separated by commas
    python benchmarks/etth1.py FOLDER --table             runs nothing
    python benchmarks/etth1.py FOLDER --write docs/results.md

It can be stopped at any time: finished runs are known by their summary.json, an unfinished one goes on from its last
checkpoint. Each run is `python train.py experiment=etth1_MODEL data.horizon=HORIZON seed=SEED` on one thread.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from runs import make, summary, write

HORIZONS = (96, 192, 336, 720)
SEEDS = {96: (0, 1, 2), 192: (0,), 336: (0,), 720: (0,)}
MARK = "benchmarks/etth1.py"

# From the cheapest to the dearest. Test MSE for each horizon as published, and where.
LINEAR = "Zeng et al. 2023, arXiv:2205.13504, table 2"
PUBLISHED: dict[str, tuple[tuple[float, ...], str]] = {
    "last_value": ((1.295, 1.325, 1.323, 1.339), f"{LINEAR} (Repeat)"),
    "seasonal_value": ((), ""),
    "nlinear": ((0.374, 0.408, 0.429, 0.440), LINEAR),
    "dlinear": ((0.375, 0.405, 0.439, 0.472), LINEAR),
    "itransformer": (
        (0.386, 0.441, 0.487, 0.503),
        "Liu et al. 2024, arXiv:2310.06625, full results, with a window of 96",
    ),
    "lstm": ((), ""),
    "tcn": ((), ""),
    "nhits": ((), ""),
    "segrnn": ((0.368, 0.408, 0.444, 0.446), "github.com/lss-1138/SegRNN, README, corrected, with a window of 96"),
    "patchtst": ((0.375, 0.414, 0.431, 0.449), "Nie et al. 2023, arXiv:2211.14730, table 3 (PatchTST/42)"),
    "transformer": ((), ""),
}


@dataclass(frozen=True)
class Run:
    model: str
    horizon: int
    seed: int

    def folder(self, root: Path) -> Path:
        return root / f"{self.model}-{self.horizon}-{self.seed}"

    def overrides(self) -> list[str]:
        return [f"experiment=etth1_{self.model}", f"data.horizon={self.horizon}", f"seed={self.seed}"]


def runs(models: list[str]) -> list[Run]:
    """The first seed of every model and horizon before the other seeds."""
    every = [Run(model, horizon, seed) for model in models for horizon in HORIZONS for seed in SEEDS[horizon]]
    return sorted(every, key=lambda run: (run.seed > 0, run.horizon > 96))


def table(root: Path, models: list[str]) -> list[str]:
    """One row per model: test MSE, beside it in brackets what was published; empty where nothing was measured."""
    head = ["model", "window", "parameters (96)", *(f"MSE {horizon}" for horizon in HORIZONS), "MAE 96", "time (96)"]
    lines = [_row(head), _row(["---"] * len(head))]
    for model in models:
        published = dict(zip(HORIZONS, PUBLISHED[model][0], strict=False))
        cells = [_errors(root, model, horizon, "test/mse", published.get(horizon)) for horizon in HORIZONS]
        first = summary(Run(model, 96, 0).folder(root))
        size, seconds = (f"{first['num_parameters']:,}", f"{first['fit_seconds']:.0f} s") if first else ("", "")
        window = _window(root, model) if first else ""
        lines.append(_row([model, window, size, *cells, _errors(root, model, 96, "test/mae"), seconds]))
    return lines


def sources(models: list[str]) -> list[str]:
    return [f"- {model}: {PUBLISHED[model][1]}" for model in models if PUBLISHED[model][1]]


def _errors(root: Path, model: str, horizon: int, metric: str, published: float | None = None) -> str:
    summaries = [summary(Run(model, horizon, seed).folder(root)) for seed in SEEDS[horizon]]
    values = [found[metric] for found in summaries if found]
    cell = f"{mean(values):.4f}" if values else ""
    if len(set(values)) > 1:
        cell += f" ± {stdev(values):.4f}"
    return cell if published is None else f"{cell} ({published:.3f})".strip()


def _window(root: Path, model: str) -> str:
    for line in (Run(model, 96, 0).folder(root) / "config.yaml").read_text().splitlines():
        if line.strip().startswith("lookback:"):
            return line.split(":")[1].strip()
    return ""


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default=",".join(PUBLISHED))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    models = options.models.split(",")
    if not options.table and not options.write:
        for run in runs(models):
            folder = run.folder(options.folder)
            if not summary(folder):
                make(folder, run.overrides(), OMP_NUM_THREADS="1")
    lines = [*table(options.folder, models), "", *sources(models)]
    print("\n".join(lines))
    if options.write:
        write(options.write, MARK, lines)


if __name__ == "__main__":
    main()
