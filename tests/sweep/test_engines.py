"""The same sweep on a real Ray, and on submitit's own executor for one machine."""

import json
import signal
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from iolaus.process.mailbox import Mailbox
from iolaus.sweep.engines.local import _Worker
from iolaus.sweep.engines.ray import refuse_silence
from tests.conftest import Command

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("engine", ["ray", "slurm"])
def test_a_cluster_runs_and_prunes_trials(engine: str, fresh_command: Command, tmp_path: Path) -> None:
    pytest.importorskip("ray" if engine == "ray" else "submitit")
    result = fresh_command(
        "-m", "model.dim=8", "optimizer.lr=1e-2,1e-7", "trainer=cpu", "trainer.max_epochs=3", "sweep.dir=s",
        "sweep.workers=1", "sweep/pruner=median", "sweep.pruner.n_startup_trials=1", "sweep.pruner.n_min_trials=1",
        "sweep.pruner.n_warmup_steps=0", f"sweep.engine={engine}",
        *(["sweep.address=local"] if engine == "slurm" else []),
        RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    trials = json.loads((tmp_path / "s" / "trials.json").read_text())
    assert [trial["state"] for trial in trials] == ["finished", "pruned"]
    summary = json.loads((tmp_path / "s" / "0" / "summary.json").read_text())
    assert summary["val/accuracy"] == trials[0]["value"]


def test_more_workers_than_the_cluster_has_room_for_are_refused(command: Command, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    result = command("-m", "model.dim=8,16", "sweep.engine=ray", "sweep.workers=4096", "sweep.dir=s")
    assert result.returncode == 2
    assert "error: sweep.workers=4096: the cluster has room for" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nobody_listens_is_refused_at_once(scheme: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        address = f"{scheme}127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ValueError, match=rf"^sweep.address={address}: no Ray cluster answers there \(.*refused\)"):
            refuse_silence(address)


def test_what_is_no_address_is_answered_with_how_they_look() -> None:
    with pytest.raises(ValueError, match=r"^sweep\.address=head: type HOST:PORT.*ray://HOST:PORT.*auto"):
        refuse_silence("head")


def test_without_slurm_one_sentence_says_so(command: Command, tmp_path: Path) -> None:
    result = command("-m", "model.dim=8,16", "sweep.engine=slurm", "sweep.dir=s", PATH="/nowhere")
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1].startswith("error: sweep.engine=slurm: there is no sbatch")
    assert list(tmp_path.iterdir()) == []


def test_mail_arrives_whole_and_once(tmp_path: Path) -> None:
    starter, run = Mailbox.of_starter(tmp_path), Mailbox.of_run(tmp_path)
    run.send([1, 10, {"val/loss": 0.5}])
    run.send([2, 20, {}])
    assert starter.received() == [[1, 10, {"val/loss": 0.5}], [2, 20, {}]]
    assert starter.received() == []
    with (tmp_path / "reports.jsonl").open("a") as file:
        file.write("[3, ")
    assert starter.received() == []
    starter.send(False)
    assert run.wait() is False
    assert Mailbox.of_starter(tmp_path).received() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_trial_that_is_gone_before_its_exit_code_came_is_signalled_without_harm(number: signal.Signals) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    process: Any = SimpleNamespace(exitcode=None, pid=gone.pid)
    nothing: Any = SimpleNamespace(timeout=None)
    worker = _Worker(nothing, nothing, process, nothing, nothing, deadline=None)
    worker.signal(number)
    assert (worker.killed_at is not None) == (number is signal.SIGTERM)  # when its time to obey is over
