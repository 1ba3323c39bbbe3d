"""What is secret stays out of every file and every line that a run leaves."""

import json
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from iolaus import secrets
from iolaus.cli import settle
from iolaus.cli.train import train
from iolaus.config.hydra_settings import refused_overrides
from iolaus.folder.composition import write_config
from iolaus.sweep.check import problems_of
from tests.conftest import REPOSITORY, Command
from tests.loggers.records import wandb_records

CANARIES = {
    "WANDB_API_KEY": "canary0001" * 4,
    "MY_OWN_TOKEN": "canary0002-token",
    "DATABASE_PASSWORD": "canary0003-password",
    "PLAIN_NAME": "canary0004-by-reference",
}
ON_THE_COMMAND_LINE, IN_A_FILE = "canary0005-typed", "canary0006-in-dotenv"

PACKAGE = """
import logging, os, warnings
from lightning.pytorch.callbacks import Callback

class Telling(Callback):
    '''Quotes its secrets wherever it can, as a careless library would.'''

    def __init__(self, *, api_key: str, server: str) -> None:
        self.quoted = f"key {api_key} for {server} and {os.environ['MY_OWN_TOKEN']}"
        logging.getLogger("telling").warning(self.quoted)

    def on_train_end(self, trainer, module):
        warnings.warn(self.quoted)

    def on_test_end(self, trainer, module):
        raise RuntimeError(self.quoted)
"""


_TELLING = (
    "packages=[telling]", "+callbacks.telling._target_=telling.Telling",
    f"+callbacks.telling.api_key={ON_THE_COMMAND_LINE}", "+callbacks.telling.server='${oc.env:PLAIN_NAME}'",
    "trainer=cpu", "trainer.max_epochs=1", "model.dim=8", "+trainer.limit_train_batches=2",
    "trainer.log_every_n_steps=1", "hydra.verbose=telling",
)  # fmt: skip


def _give(folder: Path) -> dict[str, str]:
    """The package and the secrets, in a file and in the environment that is returned."""
    (folder / "telling.py").write_text(PACKAGE)
    (folder / ".env").write_text(f"SOME_SECRET={IN_A_FILE}\n")
    return {"PYTHONPATH": f"{REPOSITORY / 'src'}:{folder}", **CANARIES}


def _assert_kept(folder: Path, *results: CompletedProcess[str]) -> list[Path]:
    """No secret is in what was said, or in any file below the folder. Returns those files."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in (".env", "telling.py")]
    said = [(f"output {number}", (result.stdout + result.stderr).encode()) for number, result in enumerate(results)]
    for name, content in [(str(path), path.read_bytes()) for path in files] + said:
        for canary in [*CANARIES.values(), ON_THE_COMMAND_LINE, IN_A_FILE]:
            assert canary.encode() not in content, f"{canary} is in {name}"
    return files


def test_a_run_with_every_logger_keeps_all_secrets_even_when_it_crashes(fresh_command: Command, tmp_path: Path) -> None:
    environment = _give(tmp_path)
    result = fresh_command("logger=[tensorboard,wandb,mlflow]", "run_dir=run", *_TELLING, **environment)
    assert result.returncode == 1
    assert "RuntimeError: key *** for *** and ***" in result.stderr
    assert [record["exit_code"] for record in wandb_records(tmp_path / "run")["exit"]] == [1]
    again = fresh_command("resume=run", "trainer.max_epochs=2", "packages=[telling]", _TELLING[2], **environment)
    assert again.returncode == 1
    files = _assert_kept(tmp_path, result, again)
    assert len(files) > 8
    assert any(path.suffix == ".wandb" for path in files)
    assert any(path.suffix == ".db" for path in files)
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["callbacks"]["telling"]["api_key"] == "***"
    assert config["callbacks"]["telling"]["server"] == "${oc.env:PLAIN_NAME}"
    assert "+callbacks.telling.api_key=***" in yaml.safe_load((tmp_path / "run" / "overrides.yaml").read_text())
    assert "key *** for *** and ***" in (tmp_path / "run" / "run.log").read_text()


def test_a_sweep_and_what_is_made_of_it_keep_all_secrets(fresh_command: Command, tmp_path: Path) -> None:
    environment = _give(tmp_path)
    swept = ("-m", "seed=0,1", "logger=wandb", "sweep.dir=sweep", *_TELLING)
    results = [fresh_command(*swept, **environment)]
    results.append(fresh_command("-m", "sweep.resume=sweep", *_TELLING[:1], _TELLING[2], **environment))
    results.append(fresh_command("compare", "sweep", verb=True, **environment))
    results.append(fresh_command("dashboard", "wandb", "sweep", verb=True, **environment))
    assert [result.returncode for result in results] == [1, 1, 0, 0], results
    reasons = [trial["reason"] for trial in json.loads((tmp_path / "sweep" / "trials.json").read_text())]
    assert reasons == ["RuntimeError: key *** for *** and ***"] * 2
    names = {path.name for path in _assert_kept(tmp_path, *results)}
    assert names >= {"sweep.yaml", "journal.log", "trials.json", "report.html", "leaderboard.csv", "wandb_report.py"}
    assert (
        f"{_TELLING[2].partition('=')[0]}=***"
        in yaml.safe_load((tmp_path / "sweep" / "sweep.yaml").read_text())["overrides"]
    )


def test_several_processes_keep_all_secrets(command: Command, tmp_path: Path) -> None:
    options = ("run_dir=run", *_TELLING, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
    result = command(*options, **_give(tmp_path))
    assert result.returncode == 1
    assert "key *** for *** and ***" in result.stderr
    _assert_kept(tmp_path, result)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["+callbacks.x.api_key=canary-a1,canary-b1"], "callbacks.x.api_key is swept over, and holds a secret"),
        (["seed=1,2", "+callbacks.x.api_key=canary-c1", "sweep.engine=slurm"], "sweep.engine=slurm writes each job"),
        (["seed=1,2", "+callbacks.x.api_key=${oc.env:HOME}", "sweep.engine=slurm"], None),
        (["seed=1,2", "+callbacks.x.api_key=canary-d1"], None),
    ],
)
def test_a_sweep_takes_no_secret_that_it_would_write_down(typed: list[str], expected: str | None) -> None:
    problems = problems_of(["trainer=cpu", *typed], lambda _: [])
    assert len(problems) == (expected is not None)
    assert all(expected in problem and "canary" not in problem for problem in problems if expected)


def test_a_refused_command_does_not_repeat_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = [f"+my_token={ON_THE_COMMAND_LINE}", f"+logger.wandb.api_key={ON_THE_COMMAND_LINE}", "logger=wandb"]
    monkeypatch.setattr(sys, "argv", ["train.py", *typed, "hydra.run.dir=x"])
    with pytest.raises(SystemExit):
        train()
    monkeypatch.setattr(sys, "argv", ["train.py", *typed])
    with pytest.raises(SystemExit):
        train()
    said = capsys.readouterr().err
    assert ON_THE_COMMAND_LINE not in said
    assert "my_token" in said
    assert "api_key" in said


def test_hydras_own_sweeper_which_writes_all_as_it_is_gets_no_secret() -> None:
    typed = ["hydra/sweeper=basic", "seed=1,2"]
    assert refused_overrides([*typed, "+callbacks.x.api_key=${oc.env:KEY}"]) == []
    (problem,) = refused_overrides([*typed, f"+callbacks.x.api_key={ON_THE_COMMAND_LINE}"])
    assert "multirun.yaml" in problem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("api_key", True), ("wandb_api_key", True), ("WANDB_API_KEY", True), ("my_token", True), ("token", True),
        ("client_secret", True), ("password", True), ("db_password", True), ("AWS_SECRET_ACCESS_KEY", True),
        ("num_tokens", False), ("tokenizer", False), ("token_type", False), ("keyboard", False), ("secretary", False),
        ("max_tokens", False), ("key", False), ("api_key_name", False),
    ],
)  # fmt: skip
def test_a_secret_is_known_by_its_name(name: str, expected: bool) -> None:
    assert secrets.is_secret(name) is expected


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+a.api_key=canary-a", "+a.api_key=***"),
        ("++a.b.my_token='canary b'", "++a.b.my_token=***"),
        ("+a={api_key: canary-c, dim: 3}", "+a={api_key: ***, dim: 3}"),
        ("+a=[{password: 'canary d'}]", "+a=[{password: ***}]"),
        ("+a.api_key=${oc.env:KEY}", "+a.api_key=${oc.env:KEY}"),
        ("+a.api_key=${oc.env:KEY,canary-e}", "+a.api_key=***"),
        ("data.tokenizer=bpe", "data.tokenizer=bpe"),
        ("model.num_tokens=3", "model.num_tokens=3"),
        ("~a.api_key", "~a.api_key"),
    ],
)
def test_an_override_is_kept_without_its_secret(typed: str, kept: str) -> None:
    assert secrets.mask_override(typed) == kept


def test_what_leads_to_the_environment_by_way_of_another_stays_unresolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEWHERE", "canary-7")
    config = OmegaConf.create(
        {"a": "${oc.env:SOMEWHERE}", "b": "${a}/sub", "c": {"d": ["${b}", 3]}, "e": "${f}", "f": 2, "g": "${c}"}
    )
    assert isinstance(config, DictConfig)
    write_config(tmp_path, config, [])
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == {
        "a": "${oc.env:SOMEWHERE}", "b": "${a}/sub", "c": {"d": ["${b}", 3]}, "e": 2, "f": 2, "g": "${c}",
    }  # fmt: skip


def test_resuming_asks_for_the_secret_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("packages: []\n")
    (tmp_path / "overrides.yaml").write_text(yaml.safe_dump(["+callbacks.x.api_key=***", "seed=1"]))
    with pytest.raises(SystemExit):
        settle._with_stored([f"resume.run={tmp_path}"])
    assert "a secret is not kept: type +callbacks.x.api_key=… again." in capsys.readouterr().err
    given = [f"resume.run={tmp_path}", "+callbacks.x.api_key=canary-8"]
    assert settle._with_stored(given) == ["seed=1", *given]


def test_what_a_stored_override_or_a_yaml_reads_is_known_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLAIN_NAME_OF_A_TEST", "canary-9-by-reference")
    assert secrets.blot("canary-9-by-reference") == "canary-9-by-reference"
    settle.explain_all(["model.dim=8", "run_dir=${oc.env:PLAIN_NAME_OF_A_TEST}"])
    assert secrets.blot("canary-9-by-reference") == "***"
