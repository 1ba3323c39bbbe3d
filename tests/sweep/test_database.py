"""A sweep whose study is in a real PostgreSQL: it is whole there, and its password is written nowhere."""

from pathlib import Path

import optuna
import pytest

from iolaus.sweep.request import with_stored
from iolaus.sweep.storage import close_storage, open_storage
from tests.conftest import Command
from tests.sweep.conftest import PASSWORD, Url

pytestmark = pytest.mark.timeout(900)


def test_a_sweep_keeps_its_study_there_and_its_password_to_itself(
    postgresql: Url, command: Command, tmp_path: Path
) -> None:
    url = postgresql()
    result = command(
        "-m", "model.dim=8,16", "trainer=cpu", "trainer.max_epochs=1", "+trainer.limit_train_batches=2",
        "data.batch_size=64", "sweep.dir=shared", f"sweep.storage='{url}'",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    storage = open_storage(url, tmp_path)
    (study,) = storage.get_all_studies()
    assert study.study_name == "shared"
    states = [trial.state for trial in storage.get_all_trials(study._study_id)]
    close_storage(storage)
    assert states == [optuna.trial.TrialState.COMPLETE] * 2
    written = [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert written == []
    assert PASSWORD not in result.stdout + result.stderr
    shared = tmp_path / "shared"
    with pytest.raises(ValueError, match=r"a secret is not kept: type sweep\.storage='postgresql://sweeper:…@"):
        with_stored([f"sweep.resume={shared}"])
    assert f"sweep.storage={url}" in with_stored([f"sweep.resume={shared}", f"sweep.storage={url}"])


def test_a_wrong_password_is_one_sentence_that_does_not_repeat_it(postgresql: Url, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"sweeper:\*\*\*@.* cannot be reached: .*authentication failed") as caught:
        open_storage(postgresql(password="battery-staple"), tmp_path)
    assert "battery-staple" not in str(caught.value)
    assert "\n" not in str(caught.value)
