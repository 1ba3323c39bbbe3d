"""TensorBoard's own reader finds the curves and the HParams page."""

import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from tests.loggers.records import curves


def _events(run: Path) -> EventAccumulator:
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return events


def test_the_curves_are_those_of_metrics_csv(sweep: Path) -> None:
    events = _events(sweep / "0")
    for name, points in curves(sweep / "0").items():
        read = {event.step: event.value for event in events.Scalars(name)}
        assert read == pytest.approx(points, rel=1e-5), name


def test_the_hparams_page_has_what_it_was_made_of_and_what_it_reached(sweep: Path) -> None:
    for name, model in (("0", "mlp"), ("1", "rnn")):
        events = _events(sweep / name)
        content: Any = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
        start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
        hparams = {key: value.string_value or value.number_value for key, value in start.hparams.items()}
        assert hparams["model"] == model
        assert hparams["optimizer.lr"] > 0
        assert not any("_target_" in key for key in hparams)
        content = events.summary_metadata["_hparams_/experiment"].plugin_data.content
        experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
        metrics = {info.name.tag for info in experiment.metric_infos}
        assert metrics >= {"result/val/accuracy", "result/test/accuracy"}
        said = json.loads((sweep / name / "summary.json").read_text())
        (event,) = events.Scalars("result/val/accuracy")
        assert event.value == pytest.approx(said["val/accuracy"], rel=1e-5)
