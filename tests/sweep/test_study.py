"""Trials are claimed once, survive whoever ran them, and go on from where they were."""

import json
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.trial import TrialState

from iolaus.sweep import owners
from iolaus.sweep.objective import Goal
from iolaus.sweep.space import Space, dimension
from iolaus.sweep.storage import close_storage, open_storage, without_password
from iolaus.sweep.study import SweepStudy
from tests.conftest import REPOSITORY

GOAL = [Goal("val/accuracy", "max")]


def _space(*texts: str) -> Space:
    return Space(tuple(dimension(OverridesParser.create().parse_override(text)) for text in texts))


def _study(folder: Path, *texts: str, num_trials: int, tpe: bool = False, storage: str | None = None) -> SweepStudy:
    sampler = (lambda number: optuna.samplers.TPESampler(seed=number, n_startup_trials=2)) if tpe else None
    space = _space(*(texts or ("a=1,2,3",)))
    return SweepStudy(open_storage(storage, folder), "s", space, GOAL, num_trials=num_trials, sampler=sampler)


def test_a_grid_is_gone_through_once(tmp_path: Path) -> None:
    study = _study(tmp_path, num_trials=3)
    claims = [study.claim() for _ in range(4)]
    assert [claim.params["a"] for claim in claims if claim] == [1, 2, 3]
    assert claims[3] is None


@pytest.mark.parametrize("storage", ["", "sqlite", "postgresql"])
def test_many_processes_share_a_study_without_doubling_a_trial(
    tmp_path: Path, storage: str, request: pytest.FixtureRequest
) -> None:
    where = f"sqlite:///{tmp_path / 'study.db'}" if storage == "sqlite" else None
    if storage == "postgresql":
        where = request.getfixturevalue("postgresql")()
    close_storage(_study(tmp_path, "a=range(0,12)", num_trials=12, storage=where).storage)
    script = (
        "import sys; from tests.sweep.test_study import _study; from pathlib import Path\n"
        "study = _study(Path(sys.argv[1]), 'a=range(0,12)', num_trials=12, storage=sys.argv[2] or None)\n"
        "claims = []\n"
        "while (claim := study.claim()): claims.append(claim.params['a'])\n"
        "print(claims, flush=True); input()"  # who ends gives up its claims
    )
    command = [sys.executable, "-c", script, str(tmp_path), where or ""]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": REPOSITORY}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    claims = [json.loads(process.stdout.readline()) for process in processes]
    for process in processes:
        process.communicate("\n")
    assert sorted(claims[0] + claims[1]) == list(range(12))


def test_the_trials_of_a_dead_owner_are_free_and_keep_their_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ("a=interval(0,1)",)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        monkeypatch.setattr(owners, "ME", owners.owner_of(process.pid))
        claim = _study(tmp_path, *texts, num_trials=1, tpe=True).claim()
        assert claim is not None
        monkeypatch.setattr(owners, "ME", "elsewhere:1:2")
        assert _study(tmp_path, *texts, num_trials=1, tpe=True).claim() is None
        process.kill()
    again = _study(tmp_path, *texts, num_trials=1, tpe=True).claim()
    assert again is not None
    assert (again.number, again.params) == (claim.number, claim.params)


def test_of_two_who_take_over_the_same_trial_one_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = _study(tmp_path, num_trials=1)
    study.storage.set_trial_state_values(study.trials()[0]._trial_id, TrialState.RUNNING)
    (abandoned,) = study.trials()
    taken = []
    monkeypatch.setattr("iolaus.sweep.study._TIME_FOR_OTHERS", 0.01)
    for name in ("here:1:1", "there:2:2"):  # both saw it before either had written
        monkeypatch.setattr(owners, "ME", name)
        taken.append(study._take(abandoned))
    assert taken == [True, False]


def test_a_resumed_search_draws_no_point_twice(tmp_path: Path) -> None:
    seen = []
    for num_trials in (3, 6):
        study = _study(tmp_path, "a=interval(0,1)", num_trials=num_trials, tpe=True)
        while claim := study.claim():
            seen.append(claim.params["a"])
            study.report(claim, 1, 0.5)
            study.finish(claim, TrialState.COMPLETE, {"value": 0.5}, [0.5])
    assert len(seen) == len(set(seen)) == 6


def test_a_trial_that_is_given_back_can_be_claimed_again(tmp_path: Path) -> None:
    study = _study(tmp_path, num_trials=1)
    claim = study.claim()
    assert claim is not None
    study.release(claim)
    again = study.claim()
    assert again is not None
    assert again.params == claim.params


def test_another_space_is_refused(tmp_path: Path) -> None:
    _study(tmp_path, "a=1,2", num_trials=2)
    with pytest.raises(ValueError, match=r"another space \(a: 1, 2\)"):
        _study(tmp_path, "a=1,3", num_trials=2)


def test_a_journal_torn_in_the_middle_of_a_line_is_mended(tmp_path: Path) -> None:
    _study(tmp_path, num_trials=3).claim()
    journal = tmp_path / "journal.log"
    journal.write_bytes(journal.read_bytes() + b'{"op_code":5,"wor')
    study = _study(tmp_path, num_trials=3)
    claim = study.claim()
    assert claim is not None
    study.finish(claim, TrialState.COMPLETE, {"value": 1.0}, [1.0])
    reread = _study(tmp_path, num_trials=3)
    assert [trial.state for trial in reread.trials()].count(TrialState.COMPLETE) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/sweeps", "cannot be reached: .*refused"),
        ("postgresql://nowhere.invalid/sweeps?user=me&password=hunter2", "cannot be reached: .*nowhere.invalid"),
        ("mysql://me:hunter2@127.0.0.1:1/sweeps", "cannot be reached: .*refused"),
        ("postgres://me:hunter2@host/sweeps", "no database is called postgres here; type postgresql://"),
    ],
)
def test_a_storage_out_of_reach_is_one_sentence_without_its_password(url: str, expected: str, tmp_path: Path) -> None:
    pytest.importorskip("psycopg" if "postgres" in url else "pymysql")
    with pytest.raises(ValueError, match=expected) as caught:
        open_storage(url, tmp_path)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("postgresql://host/sweeps", "psycopg", "postgresql"),
        ("postgresql+psycopg2://host/sweeps", "psycopg2", "postgresql"),
        ("mysql://host/sweeps", "pymysql", "mysql"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    url: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"the package {package} is not installed; pip .*\[{extra}\]"):
        open_storage(url, tmp_path)


def test_a_password_is_masked_wherever_a_url_has_it() -> None:
    assert without_password("sweep.storage=mysql://me:a@b@host/x") == "sweep.storage=mysql://me:***@host/x"


@pytest.mark.parametrize("alive", [True, False])
def test_an_owner_elsewhere_lives_as_long_as_it_says_so(alive: bool) -> None:
    import time

    assert owners.is_alive("elsewhere:1:2", time.time() - (10 if alive else 1000)) is alive
    assert not owners.is_alive("elsewhere:1:2", None)
