"""`iolaus VERB …`: works on what runs left in their folders. Each verb is imported when it is asked for."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from iolaus.cli.terminal import leave, shown
from iolaus.folder.run_folder import open_run
from iolaus.folder.summary import table
from iolaus.process.collector import importing
from iolaus.process.failure import RUN_FAILED, RunError, sentence, show_warnings_in_one_line
from iolaus.secrets import Formatter, notice


def main() -> None:
    """`iolaus VERB …`."""
    arguments = _verbs().parse_args()
    notice(getattr(arguments, "overrides", []))
    show_warnings_in_one_line()
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        arguments.act(arguments)
    except ValueError as error:
        leave(str(error).splitlines())
    except (RunError, OSError) as error:  # too little memory, a full disk
        leave([sentence(error)], RUN_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


def _verbs() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iolaus", description="Works on what finished runs left in their folders.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    evaluate = _of_a_run(verbs, "evaluate", "test a run again, on its own data or on others")
    evaluate.add_argument("overrides", nargs="*", help="of data and trainer, as in: data=imdb data.batch_size=256")
    evaluate.set_defaults(act=_evaluate)

    predict = _of_a_run(verbs, "predict", "what a run says of your pictures, texts or series")
    predict.add_argument("--input", type=Path, required=True, help="a picture, .txt or CSV file, or a folder of them")
    predict.add_argument("--output", type=Path, help="a .csv or .json file; without it, CSV is printed")
    predict.add_argument("--batch-size", type=int, metavar="N", help="at a time; by default as many as in training")
    predict.set_defaults(act=_predict)

    compare = verbs.add_parser("compare", help="rank a sweep or any runs: a leaderboard here, all else in report.html")
    compare.add_argument("paths", metavar="SWEEP|RUN", type=Path, nargs="+", help="a sweep, runs, or folders with runs")
    compare.add_argument("--output", type=Path, help="a folder for report.html and leaderboard.csv")
    compare.add_argument(
        "--objective", action="append", default=[], help="compare by it, as in val/loss:min; repeatable"
    )
    compare.set_defaults(act=_compare)

    dashboard = verbs.add_parser("dashboard", help="the same on Weights & Biases: a script that makes the report there")
    dashboard.add_argument("service", choices=["wandb"], help="whose report it is to be")
    dashboard.add_argument(
        "paths", metavar="SWEEP|RUN", type=Path, nargs="+", help="a sweep, runs, or folders with runs"
    )
    dashboard.add_argument("--output", type=Path, help="a folder for wandb_report.py")
    dashboard.set_defaults(act=_dashboard)

    ensemble = _of_runs(verbs, "ensemble", "several runs as one, or the snapshots of one: what they gain together")
    ensemble.add_argument(
        "--by", choices=["average", "vote", "stack"], default="average", help="how answers are joined"
    )
    ensemble.add_argument("--snapshots", action="store_true", help="of each run what callbacks.snapshots.last has kept")
    ensemble.set_defaults(act=_ensemble)

    export = _of_a_run(verbs, "export", "a run's model as one file for other programs")
    export.add_argument("--format", choices=["safetensors"], default="safetensors", help="of the file")
    export.set_defaults(act=_export)

    doctor = verbs.add_parser("doctor", help="what the machine has, what is installed, which data are there")
    doctor.set_defaults(act=_doctor)
    return parser


def _of_a_run(verbs: Any, name: str, help: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help)
    parser.add_argument("run", metavar="RUN", help="a run's folder, such as outputs/latest")
    return _with_packages(parser)


def _of_runs(verbs: Any, name: str, help: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help)
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run's folder, such as outputs/latest")
    return _with_packages(parser)


def _with_packages(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="your own package, whose code the run needs"
    )
    return parser


def _evaluate(arguments: argparse.Namespace) -> None:
    with importing():
        from iolaus.verbs.evaluate import evaluate

    values = evaluate(open_run(arguments.run, arguments.package), arguments.overrides)
    print(table({name: value for name, value in values.items() if name.startswith("test/")}))
    print(f"\n{shown(Path(values['folder']))}")


def _predict(arguments: argparse.Namespace) -> None:
    with importing():
        from iolaus.verbs.predict import predict
        from iolaus.verbs.predictions import refuse_unwritable, write

    if arguments.output:
        refuse_unwritable(arguments.output)
    if arguments.batch_size is not None and arguments.batch_size < 1:
        raise ValueError(f"--batch-size {arguments.batch_size}: should be 1 or more.")
    rows = predict(open_run(arguments.run, arguments.package), arguments.input, arguments.batch_size)
    print(write(rows, arguments.output), end="")


def _ensemble(arguments: argparse.Namespace) -> None:
    with importing():
        from iolaus.verbs.ensemble import ensemble, leaderboard

    runs = [open_run(run, arguments.package) for run in arguments.runs]
    values = ensemble(runs, arguments.by, snapshots=arguments.snapshots)
    print(f"{leaderboard(values)}\n\n{shown(Path(values['folder']))}")


def _export(arguments: argparse.Namespace) -> None:
    with importing():
        from iolaus.verbs.export import export

    print(shown(export(open_run(arguments.run, arguments.package), arguments.format)))


def _compare(arguments: argparse.Namespace) -> None:
    with importing():
        from iolaus.compare.collect import parse_objective
        from iolaus.verbs.compare import compare

    text, page = compare(arguments.paths, arguments.output, tuple(map(parse_objective, arguments.objective)))
    print(f"{text}\n\n{shown(page)}")


def _dashboard(arguments: argparse.Namespace) -> None:
    from iolaus.verbs.dashboard import dashboard

    script = shown(dashboard(arguments.paths, arguments.output))
    print(
        f"{script} makes the report; W&B keeps reports on its servers only, so running it needs an API key "
        "(wandb login), the runs brought up (wandb sync), and pip install wandb-workspaces."
    )


def _doctor(_: argparse.Namespace) -> None:
    from iolaus.verbs.doctor import findings

    for line in findings():
        print(line)
