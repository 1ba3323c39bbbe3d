"""Means over an epoch are those over its samples, however the samples were batched."""

import torch

from iolaus.tasks.meter import Meter


def test_means_weigh_samples_not_batches() -> None:
    values = torch.arange(10.0)
    meter = Meter()
    for batch in (values[:7], values[7:]):
        meter.add(len(batch), loss=batch.mean(), square=batch.square().mean())
    assert meter.take() == {"loss": values.mean().item(), "square": values.square().mean().item()}


def test_taking_starts_anew() -> None:
    meter = Meter()
    meter.add(1, loss=torch.tensor(3.0))
    meter.take()
    assert meter.take() == {}
    meter.add(2, loss=torch.tensor(5.0))
    assert meter.take() == {"loss": 5.0}


def test_nothing_of_the_graph_is_kept() -> None:
    meter = Meter()
    loss = (torch.ones(3, requires_grad=True) * 2).sum()
    meter.add(1, loss=loss)
    assert not any(total.requires_grad for total in meter._sums.values())


def test_a_meter_goes_on_where_its_state_was_taken() -> None:
    whole, first, second = Meter(), Meter(), Meter()
    for meter in (whole, first):
        meter.add(3, loss=torch.tensor(1.1))
        meter.add(5, loss=torch.tensor(0.7), accuracy=torch.tensor(0.2))
    second.load_state_dict(first.state_dict())
    for meter in (whole, second):
        meter.add(2, loss=torch.tensor(0.3), accuracy=torch.tensor(0.4))
    assert second.take() == whole.take()
