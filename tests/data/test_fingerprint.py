"""The same samples have the same fingerprint, others another."""

import pytest
import torch

from iolaus.config import build
from iolaus.config.compose import compose
from iolaus.data.fingerprint import fingerprint
from iolaus.data.images.pictures import Pictures
from iolaus.data.series.windows import Windows
from iolaus.data.text.tokens import Tokens


def _pictures(changed: bool = False) -> Pictures:
    values = torch.arange(4 * 9, dtype=torch.uint8).view(4, 1, 3, 3).clone()
    values[2, 0, 1, 1] += changed
    return Pictures.whole(values, torch.tensor([0, 1, 0, 1]))


def test_content_counts_and_nothing_else() -> None:
    assert fingerprint(_pictures()) == fingerprint(_pictures())
    assert fingerprint(_pictures()) != fingerprint(_pictures(changed=True))
    assert fingerprint(_pictures()) != fingerprint(Pictures.whole(_pictures().values, torch.tensor([0, 1, 1, 1])))
    assert fingerprint(_pictures().part(torch.tensor([0, 1]))) != fingerprint(_pictures().part(torch.tensor([1, 0])))


def test_every_kind_of_split_has_one() -> None:
    table = torch.arange(20.0)[:, None]
    windows = [Windows(rows, lookback=4, horizon=2) for rows in (table, table.clone(), table + 1)]
    tokens = [Tokens.packed(ids, torch.tensor([2, 3])) for ids in (torch.arange(5), torch.arange(5), torch.ones(5))]
    for same, equal, other in (windows, tokens):
        assert fingerprint(same) == fingerprint(equal) != fingerprint(other)


@pytest.mark.parametrize("name", ["digits", "scenes", "sums", "reviews", "transductions", "co2"])
def test_data_read_with_what_was_fitted_before_are_the_same(name: str) -> None:
    config = compose([f"data={name}"]).config
    first, again = build.build_data(config), build.build_data(config)
    first.setup()
    again.load_state_dict(first.state_dict())
    again.setup()
    assert not again.has_changed
    again.compare({"fingerprint": None})
    assert not again.has_changed
    again.may_differ = True
    again.compare({"fingerprint": "another"})
    assert again.has_changed
