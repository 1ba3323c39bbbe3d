"""Every benchmark runs to its end, at its smallest size, and prints its ratios. What they are is not tested."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

BENCHMARKS = REPOSITORY / "benchmarks"

# What is compared, and one figure of each comparison.
RATIO, DIFFERENCE = r"\d+\.\d+ ×", r"[+-]\d+(\.\d+)? (s|µs)"
LIGHT = f"{RATIO}.* no torch"
COMPARISONS = {
    "startup": {"train.py --help": LIGHT, "train.py --cfg job": LIGHT, "until its first step": DIFFERENCE},
    "step": {"resnet, python train.py": RATIO, "loggers: python train.py": DIFFERENCE},
    "reliability": {"seeded and looked at": RATIO, "and saved every 100 steps": RATIO},
    "loaders": {"DataLoader, tensors": RATIO, "DataLoader, Pillow": RATIO, "DataLoader, windows": RATIO},
    "scratch": {"AdamW, float32": f"{RATIO} torch", "number by number": f"{RATIO} ours"},
    "sweep": {
        "basic launcher": RATIO,
        "joblib launcher": RATIO,
        "one command after another": RATIO,
        "first step": r"\d+\.\d+ s",
    },
    "text": {"softmax=adaptive": RATIO, "attention_dropout=0 ": RATIO},
    "precision": {"cnn +float32, channels_last": RATIO, "cnn +bfloat16, channels_last": RATIO},
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_prints_its_ratios(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--quick", "--processor"])
    runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")
    output = capsys.readouterr().out
    for compared, figure in COMPARISONS[name].items():
        assert re.search(f"{compared}.* {figure}", output), output


def test_torch_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import startup

    assert startup.imports_torch("-c", "import torch", folder=str(tmp_path))
