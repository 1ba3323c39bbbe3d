"""The command line: `python train.py …` makes runs, `iolaus VERB RUN …` works on what they left.

Nothing here imports torch before it must, so that help, completion and most mistakes answer at once.
"""

import argparse
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from iolaus.config.compose import CONF, compose, explain, is_own, is_swept, override_key, quoted
from iolaus.config.help import train_help
from iolaus.config.hydra_settings import refused_flags, refused_overrides, refused_settings
from iolaus.folder.again import is_finished, run_of, settle_auto, spell_out
from iolaus.folder.run_folder import RunFolder, claim, open_run, refuse_to_repeat, reserve
from iolaus.folder.summary import is_first_process, table
from iolaus.process import slurm
from iolaus.process.failure import USER_MISTAKE, code_of, record, sentence, show_warnings_in_one_line
from iolaus.process.interruption import Interrupted, listen
from iolaus.secrets import Formatter, blot, mask_override, notice


def train() -> None:
    """Checks the command line, gives the run its folder, and hands over to Hydra."""
    listen()
    try:
        _train()
    except Interrupted as stop:  # before the run began, or between two of a sweep
        sys.exit(stop.exit_code)


def _train() -> None:
    arguments, _ = get_args_parser().parse_known_args()
    if arguments.help:
        print(train_help(), end="")
        return
    notice(arguments.overrides)
    if logging.lastResort:  # speaks until Hydra has set up the logs
        logging.lastResort.setFormatter(Formatter("%(message)s"))
    problems = _refused_launchers() + refused_flags(arguments) + refused_overrides(arguments.overrides)
    if problems:
        _exit(problems)
    only_shows = arguments.hydra_help or arguments.cfg or arguments.info
    if not (only_shows or arguments.shell_completion):
        settle = _settle_sweep if arguments.multirun else _settle_run
        sys.argv = [sys.argv[0], *settle(arguments.overrides)]
    _job()


def _refused_launchers() -> list[str]:
    """A run starts its processes itself: started from outside, each would make a run, in a folder of its own."""
    if "LOCAL_RANK" in os.environ:
        return ["LOCAL_RANK is set, as torchrun does: type python train.py trainer=ddp trainer.devices=N instead."]
    if int(os.environ.get("SLURM_NTASKS", "1")) > 1 and "SLURM_STEP_ID" in os.environ:
        return ["srun started several tasks: ask for one (--ntasks=1), and type trainer=ddp trainer.devices=N."]
    return []


def _settle_run(overrides: list[str]) -> list[str]:
    """The arguments for Hydra, with the folder that the run has from here on."""
    overrides = _started_again(slurm.go_on(overrides))
    problems = explain_all(overrides)
    several = [text for text in overrides if is_own(text) or is_swept(text)]
    if several and not problems:
        problems = [f"{several[0]} is for many runs: type python train.py -m …"]
    if problems:
        _exit(problems)
    return [*overrides, f"hydra.run.dir={quoted(_place(overrides))}"]


def _settle_sweep(overrides: list[str]) -> list[str]:
    """The same for a sweep; one that is only to be looked at ends here."""
    from iolaus.sweep import command

    try:
        overrides = command.with_stored(overrides)
    except ValueError as error:
        _exit([str(error)])
    command.warm_up(overrides)
    problems = command.prepare(overrides, _problems)
    if problems:
        _exit(problems)
    folder = command.place(overrides)
    if folder is None:
        print("\n".join(command.preview(overrides)))
        sys.exit(0)
    return ["-m", *overrides, f"hydra.sweep.dir={quoted(folder)}"]


def explain_all(overrides: list[str]) -> list[str]:
    """One sentence for everything that is wrong with these overrides, over all points if they are a sweep."""
    overrides = spell_out(overrides)
    if not any(is_own(text) or is_swept(text) for text in overrides):
        return _problems(overrides)
    from iolaus.sweep.check import problems_of

    return problems_of(overrides, _problems)


def _problems(overrides: list[str]) -> list[str]:
    try:
        composed = compose(overrides)
    except (HydraException, OmegaConfBaseException):
        from iolaus.config.check import check_values  # imports torch

        problems, accepted = explain(overrides)
        return problems + check_values(compose(accepted).config)
    from iolaus.config.check import check

    assert composed.hydra is not None
    return refused_settings(composed.hydra) or check(composed) or _folder_problems(composed.config)


def _folder_problems(config: DictConfig) -> list[str]:
    """Whether the folders that the run starts from are runs that it can start from, or published weights that fit."""
    from iolaus.config import build
    from iolaus.config.resume import conflicts
    from iolaus.transfer.source import open_source

    named = f"init_from={config.init_from}"
    try:
        open_source(config, build.target_of(config, "model"))
        named = f"resume={config.resume.run}"
        run = open_run(config.resume.run, config.packages) if config.resume.run else None
    except ValueError as error:
        return [str(error) if str(error).startswith(named) else f"{named}: {error}"]
    return conflicts(run, config) if run else []


def _started_again(overrides: list[str]) -> list[str]:
    """The overrides of the run that is meant, if one is to go on; ends here if `resume=auto` finds it finished."""
    overrides = spell_out(overrides)
    if run_of(overrides) != "auto":
        return _with_stored(overrides)
    try:
        overrides = settle_auto(overrides)
    except ValueError as error:
        _exit([str(error)])
    run = run_of(overrides)
    config = compose(overrides).config
    if run and is_finished(run) and config.trainer == open_run(run, config.packages).config.trainer:
        print(f"{run} is finished.")
        sys.exit(0)
    return overrides


def _with_stored(overrides: list[str]) -> list[str]:
    """With `resume=RUN`, the overrides that RUN was started with; those given now replace them."""
    run = run_of(overrides)
    if run is None:
        return overrides
    given = {override_key(text) for text in overrides}
    try:
        stored = [text for text in open_run(run).overrides if override_key(text) not in given]
        refuse_to_repeat(stored)
    except ValueError as error:
        _exit([f"resume={run}: {error}"])
    return stored + overrides


def _place(overrides: list[str]) -> Path:
    """The run's folder, which exists from here on."""
    composed = compose(overrides)
    config, choices = composed.config, composed.choices
    try:
        if config.resume.run:
            return open_run(config.resume.run, config.packages).path
        if config.run_dir:
            return claim(config.run_dir)
    except ValueError as error:
        _exit([str(error)])
    return reserve(Path("outputs") / f"{choices['data']}-{choices['model']}")


@hydra.main(config_path=str(CONF), config_name="train", version_base="1.3")
def _job(config: DictConfig) -> Any:
    """One run, in the folder that Hydra has set up."""
    from iolaus.run import run  # imports torch and Lightning: not for `--help`

    job = HydraConfig.get()
    is_sweep = job.mode == RunMode.MULTIRUN
    typed: Any = OmegaConf.to_container(job.overrides.task, resolve=False)  # or ${oc.env:…} in them would be read
    overrides = [text for text in typed if not text.startswith("resume.")]
    show_warnings_in_one_line()
    folder = Path(job.runtime.output_dir)
    try:
        summary = run(
            config,
            folder,
            choices={group: choice for group, choice in job.runtime.choices.items() if not group.startswith("hydra")},
            overrides=overrides,
            command=shlex.join(["python", *sys.argv[:1], *map(mask_override, typed)]),
            group=folder.parent.name if is_sweep else None,
        )
    except Interrupted as stop:
        record(stop)
        if slurm.wants_requeue(stop.signum) and is_first_process():
            slurm.requeue()
        print(f"\nstopped; {_how_to_go_on(folder, overrides)}", file=sys.stderr)
        sys.exit(stop.exit_code)
    except Exception as error:
        if is_sweep:
            raise
        record(error)
        if isinstance(error, AssertionError):
            print(blot("".join(traceback.format_exception(error))), file=sys.stderr)
        _exit([sentence(error)], code_of(error))
    print(f"\n{_shown(folder)}")
    return summary


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
        _exit(str(error).splitlines())
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

    export = _of_a_run(verbs, "export", "a run's model as one file for other programs")
    export.add_argument("--format", choices=["safetensors"], default="safetensors", help="of the file")
    export.set_defaults(act=_export)

    doctor = verbs.add_parser("doctor", help="what the machine has, what is installed, which data are there")
    doctor.set_defaults(act=_doctor)
    return parser


def _of_a_run(verbs: Any, name: str, help: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help)
    parser.add_argument("run", metavar="RUN", help="a run's folder, such as outputs/latest")
    parser.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="your own package, whose code the run needs"
    )
    return parser


def _evaluate(arguments: argparse.Namespace) -> None:
    from iolaus.verbs.evaluate import evaluate

    values = evaluate(open_run(arguments.run, arguments.package), arguments.overrides)
    print(table({name: value for name, value in values.items() if name.startswith("test/")}))
    print(f"\n{_shown(Path(values['folder']))}")


def _predict(arguments: argparse.Namespace) -> None:
    from iolaus.verbs.predict import predict, write

    print(write(predict(open_run(arguments.run, arguments.package), arguments.input), arguments.output), end="")


def _export(arguments: argparse.Namespace) -> None:
    from iolaus.verbs.export import export

    print(_shown(export(open_run(arguments.run, arguments.package), arguments.format)))


def _compare(arguments: argparse.Namespace) -> None:
    from iolaus.compare.collect import parse_objective
    from iolaus.verbs.compare import compare

    text, page = compare(arguments.paths, arguments.output, tuple(map(parse_objective, arguments.objective)))
    print(f"{text}\n\n{_shown(page)}")


def _dashboard(arguments: argparse.Namespace) -> None:
    from iolaus.verbs.dashboard import dashboard

    script = _shown(dashboard(arguments.paths, arguments.output))
    print(
        f"{script} makes the report; W&B keeps reports on its servers only, so running it needs an API key "
        "(wandb login), the runs brought up (wandb sync), and pip install wandb-workspaces."
    )


def _doctor(_: argparse.Namespace) -> None:
    from iolaus.verbs.doctor import findings

    for line in findings():
        print(line)


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _how_to_go_on(folder: Path, overrides: list[str]) -> str:
    if RunFolder(folder).checkpoints.newest():
        return f"go on with: python train.py resume={shlex.quote(_shown(folder))}"
    return f"it had saved nothing yet; start again with: {shlex.join(['python', 'train.py', *overrides])}"


def _exit(problems: Iterable[str], code: int = USER_MISTAKE) -> NoReturn:
    for problem in problems:
        print(f"error: {blot(problem)}", file=sys.stderr)
    sys.exit(code)
