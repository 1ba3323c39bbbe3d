"""A checkpoint is data: reading one runs nothing, and ours hold nothing but plain values and tensors."""

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_model

from iolaus.cli.settle import explain_all
from iolaus.folder.run_folder import open_run
from iolaus.verbs.evaluate import evaluate
from iolaus.verbs.export import export
from iolaus.verbs.predict import predict
from iolaus.verbs.rebuild import rebuild
from tests.conftest import REPOSITORY, Command
from tests.security.conftest import Canary, Gadget


def _checkpoint(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def _put(run: Path, content: bytes) -> None:
    """As all of its checkpoints, and without the digests, which a stranger could write as well."""
    (run / "checkpoints" / "digests.json").unlink(missing_ok=True)
    for name in ("last.ckpt", "best.ckpt"):
        (run / "checkpoints" / name).write_bytes(content)


def _saved(value: Any, *, is_zip: bool = True) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=is_zip)
    return stream.getvalue()


def _hostile(run: Path, canary: Canary) -> dict[str, bytes]:
    whole = _checkpoint(run)
    return {
        "beside the weights": _saved(whole | {"extra": Gadget(canary)}),
        "instead of all": _saved(Gadget(canary)),
        "among the weights": _saved(whole | {"state_dict": whole["state_dict"] | {"model.x": Gadget(canary)}}),
        "before zip files": _saved(whole | {"extra": Gadget(canary)}, is_zip=False),
        "a bare pickle": pickle.dumps(Gadget(canary)),
        "text": b"not a checkpoint",
        "nothing": b"",
        "half": _saved(whole)[:2000],
        "a list": _saved([1, 2, 3]),
        "no weights": _saved({"epoch": 1}),
        "other weights": _saved(whole | {"state_dict": {"model.weight": torch.zeros(1)}}),
        "no kind": _saved(whole | {"Digits": {"input": {"kind": "Module"}, "target": {}, "fitted": {}}}),
        "no end": _saved(
            whole
            | {"Digits": whole["Digits"] | {"input": {"kind": "Image", "channels": 2**50, "height": 8, "width": 8}}}
        ),
    }


KINDS = [
    "beside the weights", "instead of all", "among the weights", "before zip files", "a bare pickle", "text", "nothing",
    "half", "a list", "no weights", "other weights", "no kind", "no end",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_checkpoint_is_one_sentence(
    kind: str, run: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(run, _hostile(run, canary)[kind])
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # ours do not ask
    for read in (
        lambda: predict(open_run(run), REPOSITORY / "docs"),
        lambda: evaluate(open_run(run), []),
        lambda: export(open_run(run)),
    ):
        with pytest.raises(ValueError, match=r"best\.ckpt|checkpoint") as refused:
            read()
        assert "\n" not in str(refused.value)
    canary.assert_alive()


def test_neither_resuming_nor_starting_from_it_runs_it(run: Path, canary: Canary, command: Command) -> None:
    _put(run, _hostile(run, canary)["beside the weights"])
    for overrides in (["resume=run", "trainer.max_epochs=2"], ["init_from=run", "model.dim=8"]):
        result = command(*overrides, TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD="1")
        assert result.returncode in (1, 2)
        assert "Traceback" not in result.stderr
        canary.assert_alive()


def test_words_that_lightning_acts_upon_do_nothing(run: Path, canary: Canary, tmp_path: Path, command: Command) -> None:
    """`load_from_checkpoint` would import what stands there; nothing of ours calls it."""
    call = {"_instantiator": "tests.security.test_checkpoints.fire", "_class_path": "os.system", "command": "x"}
    checkpoint = _checkpoint(run) | {"hyper_parameters": call, "datamodule_hyper_parameters": copy.copy(call)}
    checkpoint |= {"hparams_name": "kwargs", "hparams_type": "os.system"}
    _put(run, _saved(checkpoint))
    (tmp_path / "text.csv").write_text("x\n")
    rebuild(open_run(run))
    assert "test/accuracy" in evaluate(open_run(run), [])
    result = command("resume=run", "trainer.max_epochs=2")
    assert result.returncode == 0, result.stderr
    canary.assert_alive()


def test_an_export_is_the_model(run: Path) -> None:
    file = export(open_run(run))
    assert file == run / "export" / "model.safetensors"
    task, _ = rebuild(open_run(run))
    expected = {name: value.clone() for name, value in task.model.state_dict().items()}
    for parameter in task.model.parameters():
        torch.nn.init.zeros_(parameter)
    load_model(task.model, file)
    assert all(torch.equal(value, expected[name]) for name, value in task.model.state_dict().items())
    with safe_open(str(file), "pt") as opened:
        described = opened.metadata()
    assert '"iolaus.models.mlp.MLP"' in described["model"]
    assert '"kind": "Image"' in described["input"]
    assert '"kind": "Classes"' in described["target"]


@pytest.mark.usefixtures("run")
def test_only_formats_that_work_are_offered(command: Command) -> None:
    assert command("export", "run", verb=True).stdout == "run/export/model.safetensors\n"
    assert "invalid choice: 'onnx'" in command("export", "run", "--format", "onnx", verb=True).stderr


def test_explaining_a_folder_with_a_broken_config_is_a_sentence(run: Path) -> None:
    for text in (
        "",
        "[]",
        "3",
        "a: [",
        "!!python/object/apply:os.system [x]",
        "a: ${b}",
        "packages: 3",
        "packages: []",
    ):
        (run / "config.yaml").write_text(text)
        (problem,) = explain_all([f"init_from={run}"]) or ["none"]
        with pytest.raises(ValueError, match=r"config\.yaml|does not say what to build"):
            predict(open_run(run), REPOSITORY / "docs")
        assert "\n" not in problem
