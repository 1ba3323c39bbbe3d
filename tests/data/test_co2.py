"""The built-in weekly CO2 series."""

import sys

import pytest
import torch

from iolaus.data.series import co2
from iolaus.data.series.co2 import CO2


def test_parts_and_values() -> None:
    data = CO2()
    data.setup()
    assert (len(data.train), len(data.val), len(data.test)) == (1600 - 129, 228 - 25, 456 - 25)
    first = data.train.batch(torch.tensor([0]))
    weeks = data.unscale(first.input)[0, :7, 0]
    # 29 March 1958 and after, in parts per million; the seventh week has no measurement and lies between its neighbours
    torch.testing.assert_close(weeks, torch.tensor([316.1, 317.3, 317.6, 317.5, 316.4, 316.9, 317.2]))


def test_no_option_is_needed_and_the_sizes_are_known_before_reading() -> None:
    data = CO2()
    sketch = data.sketch()
    data.setup()
    assert (data.input, data.target) == sketch


def test_statsmodels_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "statsmodels", raising=False)
    CO2().setup()
    assert "statsmodels" not in sys.modules


def test_statsmodels_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(co2, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match="pip install statsmodels"):
        CO2().setup()
