"""Writes docs/models.md: every architecture with its paper, size, command, and what was measured.

    python docs/models.py            shows whether docs/models.md is stale, and rewrites it

What it says comes from conf/model (headers and defaults), from the classes that these name, and from docs/results.csv,
where results are kept: model, data, result, command.
"""

import csv
import re
import warnings
from pathlib import Path
from typing import Any

import torch
import yaml
from hydra.utils import get_object

from iolaus.spec import Classes, Forecast, Image, Mask, Sentence, Series, Text

DOCS = Path(__file__).resolve().parent
MODELS = DOCS.parent / "conf" / "model"
PAGE = DOCS / "models.md"

TEN, THOUSAND, TWO = (Classes(tuple(map(str, range(number)))) for number in (10, 1000, 2))
SIZES: dict[str, tuple[type, Any, Any]] = {
    "32×32": (Image, Image(3, 32, 32), TEN),
    "224×224": (Image, Image(3, 224, 224), THOUSAND),
    "text": (Text, Text(20_000, 512), TWO),
    "series": (Series, Series(7, 336), Forecast(7, 96)),
}
SECTIONS = {
    "Pictures, text and series": {Image, Text, Series},
    "Pictures": {Image},
    "Text and series": {Text, Series},
    "Text": {Text},
    "Series": {Series},
}

INTRODUCTION = """\
# Models

Every architecture, with its defaults: what it is, how many parameters it has, and what was seen of it (with the command
that shows it again; more in [results.md](results.md)). All options are in the yaml of the same name in `conf/model/`.

Parameters are those of pictures of 32×32 pixels in ten classes and of 224×224 in a thousand, of texts of 512 tokens out
of 20,000 in two classes (or, from text to text, of such texts again), and of windows of 336 steps of seven series whose
next 96 are forecast.

This page is written by `python docs/models.py`.
"""


def page() -> str:
    measured = read_results()
    rows = {file.stem: (load(file), file.read_text()) for file in sorted(MODELS.glob("*.yaml"))}
    parts = [INTRODUCTION]
    for title, kinds in SECTIONS.items():
        names = [name for name, ((model, _), _) in rows.items() if set(model.reads) == kinds]
        if not names:
            continue
        columns = [column for column, (kind, _, _) in SIZES.items() if kind in kinds]
        parts.append(f"## {title}\n")
        heads = ["command", "what it is", *columns, "seen"]
        parts.append("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
        for name in names:
            (model, options), text = rows[name]
            sizes = [parameters(model, options, *SIZES[column][1:]) for column in columns]
            cells = [f"`python train.py model={name}`", linked(header(text)), *sizes, measured.get(name, "")]
            parts.append("| " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join(parts)


def load(file: Path) -> tuple[Any, dict[str, Any]]:
    options = yaml.safe_load(file.read_text())
    options.pop("defaults", None)
    return get_object(options.pop("_target_")), options


def header(text: str) -> str:
    """The opening comment up to what is typed: what it is, and its papers. Lists of options (indented) are left out."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#") or line.startswith("#   python"):
            break
        if not line.startswith("#   "):
            lines.append(line.removeprefix("#").strip())
    return " ".join(lines).replace("|", "\\|")


def linked(text: str) -> str:
    text = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
    return re.sub(r"doi:(10\.[^\s;,)]+[^\s;,).])", r"[doi:\1](https://doi.org/\1)", text)


def parameters(model: Any, options: dict[str, Any], input: Any, target: Any) -> str:
    writes = getattr(model, "writes", ())
    if Sentence in writes:
        target = Sentence(input.vocab_size, input.length)
    if Mask in writes:
        target = Mask(target.names)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of options without effect on this kind
        count = sum(parameter.numel() for parameter in model(input, target, **options).parameters())
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f} k" if count < 100_000 else f"{count / 1e6:.2f} M"


def read_results() -> dict[str, str]:
    """What was seen of each model."""
    found: dict[str, list[str]] = {}
    with (DOCS / "results.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["model"], []).append(f"{row['data']}: {row['result']} (`{row['command']}`)")
    return {model: "; ".join(lines) for model, lines in found.items()}


if __name__ == "__main__":
    new = page()
    stale = not PAGE.exists() or PAGE.read_text() != new
    PAGE.write_text(new)
    print("docs/models.md was stale, and is new." if stale else "docs/models.md is as it should be.")
