"""Interrupts runs of every sort in every way, and looks whether each still ends as the one that nothing happened to.

    make torture              or: python -m tests.faults.torture [--minutes 40] [--folder outputs/torture] [--only TEXT]

It uses one thread, can be stopped at any time, and goes on where it was. What it prints is what docs/reliability.md
holds. A case that fails is kept in its folder.
"""

import argparse
import json
import math
import os
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

from iolaus.folder.checkpoints import Checkpoints
from tests.faults.compare import differences
from tests.faults.drill import Drill, drill
from tests.faults.matrix import Case, cases, met_pairs, strike_of

# How a command ends that this has struck, and what it says then; 0 if it was over before.
_ENDS = {
    "SIGKILL": (-9, ""),
    "SIGTERM": (143, "stopped; "),
    "SIGINT": (130, "stopped; "),
    "exception": (1, "this is a drill"),
    "full disk": (1, "has no room for a checkpoint"),
    "lost rank": (1, "was killed by SIGKILL"),
}

Result = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=math.inf, help="how long; without it, until all are done")
    parser.add_argument("--folder", type=Path, default=Path("outputs/torture"), help="where it works, and goes on")
    parser.add_argument("--only", default="", help="the cases whose description has this in it, as 'average of epochs'")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [case for case in cases() if options.only in str(case)]
    deadline = time.monotonic() + 60 * options.minutes
    file = folder / "results.jsonl"
    known = map(json.loads, file.read_text().splitlines()) if file.exists() else ()
    results: dict[str, Result] = {result["case"]: result for result in known}
    with drill() as run, file.open("a") as record:
        for number, case in enumerate(chosen):
            if str(case) not in results and time.monotonic() < deadline:
                results[str(case)] = result = tortured(run, case, folder / f"{number:03}")
                record.write(json.dumps(result) + "\n")
                record.flush()
                print(f"{number + 1}/{len(chosen)} {case}: {result['verdict']}", flush=True)
    print(table([(case, results[str(case)]) for case in chosen if str(case) in results]))


def tortured(run: Drill, case: Case, folder: Path) -> Result:
    """Runs it whole; then with every fault in turn, started again each time. The folder stays only if that fails."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    started = time.monotonic()
    whole = run([*case.overrides, "run_dir=whole"], folder)
    result: Result = {"case": str(case), "struck": [], "missed": 0, "corrupt": 0, "verdict": "exact"}
    if whole.code != 0:
        return result | {"verdict": "does not run", "output": whole.output[-2000:]}
    for fault in [*case.faults, None]:
        command = [*case.overrides, "run_dir=struck", "resume=auto"]
        ended = run(command, folder, fault)
        code, words = _ENDS[fault.kind] if fault and ended.code else (0, "")
        if ended.code != code or words not in ended.output:
            return result | {"verdict": f"exit code {ended.code} after {fault}", "output": ended.output[-2000:]}
        if fault and ended.code:
            result["struck"].append([fault.kind, fault.phase])
        result["missed"] += bool(fault and not ended.code)
        result["corrupt"] += not _has_whole_checkpoints(folder / "struck")
    unequal = differences(folder / "whole", folder / "struck")
    result["seconds"] = round(time.monotonic() - started, 1)
    if unequal:
        return result | {"verdict": f"inexact: {', '.join(unequal[:5])}"}
    if not result["corrupt"]:
        shutil.rmtree(folder)
    return result


def table(results: list[tuple[Case, Result]]) -> str:
    """In Markdown: interruptions by kind and phase, and what came of them."""
    struck = Counter((kind, phase) for _, result in results for kind, phase in result["struck"])
    failed = Counter(
        (kind, phase) for _, result in results if result["verdict"] != "exact" for kind, phase in result["struck"]
    )
    lines = ["| interrupted by | in | times | in runs that did not end exact |", "|---|---|---|---|"]
    lines += [
        f"| {kind} | {phase} | {times} | {failed[kind, phase]} |" for (kind, phase), times in sorted(struck.items())
    ]
    corrupt = sum(result["corrupt"] for _, result in results)
    inexact = sum(result["verdict"] != "exact" for _, result in results)
    met, possible = met_pairs([(case, [strike_of(*strike) for strike in result["struck"]]) for case, result in results])
    lines += [
        "",
        f"{sum(struck.values())} interruptions of {len(results)} runs: {corrupt} corrupt, {inexact} inexact. "
        f"Of {possible} pairs of choices and interruptions {met} have met.",
    ]
    return "\n".join(lines)


def _has_whole_checkpoints(run: Path) -> bool:
    """Whether every checkpoint that has a name is as it was written."""
    checkpoints = Checkpoints(run)
    found = [path for path in (checkpoints.last, checkpoints.previous, checkpoints.best) if path.exists()]
    return all(checkpoints.is_whole(path) for path in found)


if __name__ == "__main__":
    main()
