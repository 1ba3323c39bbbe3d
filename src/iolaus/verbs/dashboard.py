"""`iolaus dashboard wandb SWEEP`: what report.html shows, as a report on Weights & Biases."""

from pathlib import Path

from iolaus.compare.collect import collect
from iolaus.compare.wandb_report import wandb_report
from iolaus.verbs.compare import write_whole


def dashboard(paths: list[Path], output: Path | None) -> Path:
    """Writes wandb_report.py in `output`, in the one folder that was named, or in the current one.

    Raises:
        ValueError: in one sentence, for what W&B cannot show.
    """
    comparison = collect(paths)
    folder = output or comparison.source or Path()
    write_whole(folder, {"wandb_report.py": wandb_report(comparison)})
    return folder / "wandb_report.py"
