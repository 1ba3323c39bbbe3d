"""Reads back what the loggers left: metrics.csv as the truth, and W&B's offline record."""

import csv
import json
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

Curves = dict[str, dict[int, float]]  # metric → step → value


def curves(run: Path) -> Curves:
    found: Curves = defaultdict(dict)
    with (run / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                if text and name not in ("epoch", "step"):
                    found[name][int(row["step"])] = float(text)
    return dict(found)


@cache
def wandb_records(run: Path) -> dict[str, list[dict[str, Any]]]:
    """The records of the one offline run in the folder, by type; of one that is over."""
    (folder,) = (run / "wandb").glob("offline-run-*")
    output = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    records: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in output.splitlines():
        record = json.loads(line)
        records[record["type"]].append(record[record["type"]])
    return records
