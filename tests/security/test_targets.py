"""Nothing but the parts that belong in a group is ever looked up or called, wherever the config comes from."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf, open_dict

from iolaus.cli.settle import explain_all
from iolaus.config import build
from iolaus.config.compose import compose
from iolaus.config.targets import ROLES, resolve
from iolaus.folder.run_folder import open_run
from iolaus.sweep.request import with_stored
from iolaus.verbs.predict import predict
from tests.conftest import REPOSITORY
from tests.security.conftest import Canary

# What runs code, writes, deletes or loads pickles, named plainly and by way of something that is allowed.
HOSTILE = [
    "os.system",
    "builtins.open",
    "builtins.exec",
    "pathlib.Path.unlink",
    "subprocess.Popen",
    "torch.load",
    "torch.hub.load",
    "numpy.load",
    "hydra.utils.instantiate",
    "functools.partial",
    "iolaus.cli.verbs.main",
    "iolaus.folder.place.claim",
    "iolaus.data.download.extract",
    "iolaus.data.download.shutil.rmtree",
    "iolaus.data.images.images.ImageData.load",
    "iolaus.models.mlp.MLP.load_state_dict",
    "iolaus.tasks.classify.Classify.load_from_checkpoint",
    "iolaus.losses.classes.torch.load",
    "iolaus.initializers.warnings.warn",
    "iolaus.training.trainer.logging.FileHandler",
    "iolaus.loggers.csv.writer",
    "iolaus.callbacks.checkpoint.shutil.copyfile",
    "iolaus.callbacks.checkpoint.os.replace",
    "torch.nn.functional.torch.load",
    "torch.nn.Module.to",
    "torch.optim.Optimizer.load_state_dict",
    "torch.optim.lr_scheduler.LambdaLR",
    "pytorch_optimizer.load_optimizer",
    "pytorch_optimizer.create_optimizer",
    "lightning.pytorch.Trainer",
    "lightning.pytorch.LightningModule.load_from_checkpoint",
    "lightning.pytorch.callbacks.ModelCheckpoint",
    "lightning.pytorch.callbacks.OnExceptionCheckpoint",
    "lightning.pytorch.callbacks.SpikeDetection",
    "lightning.pytorch.callbacks.LambdaCallback",
    "lightning.pytorch.core.saving._load_from_checkpoint",
    "lightning.pytorch.core.saving.save_hparams_to_yaml",
    "lightning.pytorch.loggers.CSVLogger",
    "lightning.pytorch.cli.LightningCLI",
]
PLACES = [*(path.replace("*", "extra") for path in ROLES), "model.activation", "trainer.strategy", "callbacks.a.b"]


@pytest.mark.parametrize("target", HOSTILE)
def test_no_place_takes_a_hostile_target(target: str) -> None:
    for path in PLACES:
        with pytest.raises(ValueError, match="_target_="):
            resolve(path, target)


def test_a_part_fits_its_own_place_only() -> None:
    parts = {path: compose([]).config[path]["_target_"] for path in ROLES if "." not in path}
    for path in parts:
        for other, target in parts.items():
            if path == other:
                resolve(path, target)
            else:
                with pytest.raises(ValueError, match="_target_="):
                    resolve(path, target)


def _hostile_nodes(canary: Canary) -> dict[str, Any]:
    """Each makes the canary's file, or removes its other one, if anything of it is called."""
    opened = {"_target_": "builtins.open", "file": str(canary.made), "mode": "w"}
    precious = {"_target_": "pathlib.Path", "_args_": [str(canary.precious)]}
    mlp = {"_target_": "iolaus.models.mlp.MLP"}
    created = "${oc.create:{_target_: builtins.open, mode: w, file: '" + str(canary.made) + "'}}"
    return {
        "target": opened,
        "method": {"_target_": "pathlib.Path.unlink", "self": precious},
        "nested": mlp | {"activation": opened},
        "deep": mlp | {"activation": {"a": [{"b": opened}]}},
        "arguments": mlp | {"_args_": [opened]},
        "partial": {"_target_": "functools.partial", "_args_": [{"_target_": "builtins.open", "_partial_": True}]},
        "made by a resolver": created,
        "inner, made by a resolver": mlp | {"activation": created},
        "resolved twice": mlp | {"activation": "\\" + created},
        "target from elsewhere": mlp | {"_target_": "${oc.decode:builtins.open}"},
    }


NODES = [
    "target", "method", "nested", "deep", "arguments", "partial", "made by a resolver", "inner, made by a resolver",
    "resolved twice", "target from elsewhere",
]  # fmt: skip


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("group", ["model", "loss", "optimizer", "initializer"])
def test_nothing_hostile_is_built(group: str, name: str, canary: Canary) -> None:
    config = OmegaConf.create(OmegaConf.to_container(compose([]).config))
    assert isinstance(config, DictConfig)
    with open_dict(config):
        config[group] = _hostile_nodes(canary)[name]
    with pytest.raises((ValueError, TypeError)):
        build.factory(config, group)()
    canary.assert_alive()


@pytest.mark.parametrize("name", NODES)
def test_a_strangers_run_folder_builds_nothing_hostile(name: str, run: Path, canary: Canary) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    for group in ("model", "initializer", "data"):
        (run / "config.yaml").write_text(yaml.safe_dump(config | {group: _hostile_nodes(canary)[name]}))
        with pytest.raises(ValueError, match=f"_target_=|{group}"):
            predict(open_run(run), REPOSITORY / "docs")
    canary.assert_alive()


def test_a_run_folder_cannot_trust_packages_by_itself(
    run: Path, tmp_path: Path, canary: Canary, fresh_command: Any
) -> None:
    """Its config may list whatever package it likes: only the user's own word makes that code run."""
    (tmp_path / "evil.py").write_text(f"open({str(canary.made)!r}, 'w')\n")
    config = yaml.safe_load((run / "config.yaml").read_text()) | {"packages": ["evil"]}
    config["loss"] = {"_target_": "evil.Loss"}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    (run / "overrides.yaml").write_text(yaml.safe_dump(["packages=[evil]", "+loss._target_=evil.Loss"]))
    for arguments in (["evaluate", "run"], ["predict", "run", "--input", "evil.py"]):
        result = fresh_command(*arguments, verb=True, PYTHONPATH=f"{REPOSITORY / 'src'}:{tmp_path}")
        assert result.returncode == 2
        assert "--package evil" in result.stderr
        assert len(result.stderr.splitlines()) == 1
    for override in ("resume=run", "init_from=run"):
        result = fresh_command(override, PYTHONPATH=f"{REPOSITORY / 'src'}:{tmp_path}")
        assert result.returncode == 2
        assert "packages=[evil]" in result.stderr
        assert len(result.stderr.splitlines()) == 1
    canary.assert_alive()


def test_a_users_own_package_is_built_when_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mypackage.py").write_text("from iolaus.losses import CrossEntropy\nclass Loss(CrossEntropy): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    overrides = ["loss._target_=mypackage.Loss"]
    (refused,) = explain_all(overrides)
    assert "packages=[…]" in refused
    assert explain_all([*overrides, "packages=[mypackage]"]) == []


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("packages=[evil]", "if you trust them, type packages="),
        ("+hydra.job_logging.x=1", "do not use it"),
        ("+callbacks.x.api_key=***", "a secret is not kept"),
    ],
)
def test_a_strangers_sweep_runs_nothing_of_its_own(stored: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump({"overrides": ["model=mlp,rnn", stored]}))
    with pytest.raises(ValueError, match=expected):
        with_stored([f"sweep.resume={tmp_path}"])


HYDRAS_OWN = [
    "hydra.job_logging.handlers.file.class=logging.handlers.SocketHandler",
    "+hydra.job_logging.handlers.file.()=os.system",
    "+hydra.job_logging.formatters.plain.()=os.system",
    "hydra.job_logging.handlers.console.stream=ext://os.environ",
    "hydra.hydra_logging.handlers.console.class=subprocess.Popen",
    "hydra.launcher._target_=os.system",
    "hydra.sweeper._target_=builtins.open",
]


@pytest.mark.parametrize("override", HYDRAS_OWN)
def test_hydras_own_nodes_build_nothing_hostile_either(override: str) -> None:
    (problem,) = explain_all([override])
    assert "hydra." in problem
    assert "\n" not in problem


REFUSED = [
    ("hydra.run.dir=/tmp/x", "run_dir=FOLDER"),
    ("hydra.sweep.dir=/tmp/x", "outputs/sweeps"),
    ("hydra.searchpath=[file:///tmp/x]", "conf/"),
    ("hydra.output_subdir=.hydra", "config.yaml"),
    ("hydra.job.chdir=true", "where you are"),
    ("+hydra.job.env_set.LD_PRELOAD=x.so", "NAME=VALUE"),
    ("+hydra.callbacks.x._target_=os.system", "callbacks"),
    ("--config-dir=conf", "conf/"),
    ("--config-path=conf", "conf/"),
    ("--config-name=other", "experiment"),
    ("--experimental-rerun=job.pickle", "whatever code"),
]


def test_what_hydra_would_do_behind_the_check_is_one_sentence(fresh_command: Any, tmp_path: Path) -> None:
    result = fresh_command(*(argument for argument, _ in REFUSED))
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert len(lines) == len(REFUSED)
    for argument, expected in REFUSED:
        name = argument.partition("=")[0].lstrip("+-")
        assert any(name in line and expected in line for line in lines), argument
    assert list(tmp_path.iterdir()) == []


def test_stored_overrides_cannot_reach_hydra(run: Path, command: Any) -> None:
    (run / "overrides.yaml").write_text(yaml.safe_dump(["+hydra.job_logging.handlers.file.()=os.system"]))
    result = command("resume=run")
    assert result.returncode == 2
    assert "which nothing of ours keeps" in result.stderr
