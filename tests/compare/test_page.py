"""report.html: complete in itself, safe with any name, the same each time, and alive in a real browser."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from iolaus.compare.collect import collect
from iolaus.compare.figures import draw
from iolaus.compare.importance import importances
from iolaus.compare.page import report
from iolaus.compare.panels import LearningCurves, Slices, Tradeoff, panels
from tests.compare.made_up import write_sweep

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = '<img src=x onerror="window.hit=1"></script><b>'

# Runs in the page: uses it as a person would, and writes down what happened.
_PROBE = """
<pre id="probe"></pre>
<script>
const seen = { errors: [], violations: [] };
addEventListener("error", (event) => seen.errors.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => seen.violations.push(event.blockedURI));
const height = document.body.scrollHeight;
addEventListener("load", () => setTimeout(() => {
  const rows = () => all("#table tbody tr").filter((row) => !row.hidden);
  seen.jump = Math.abs(document.body.scrollHeight - height);
  seen.plots = all(".js-plotly-plot").length;
  seen.empty = all(".figure").filter((figure) => !figure.textContent && !figure.querySelector("canvas, svg")).length;
  seen.share = all(".modebar-btn").filter((button) => /share|cloud/i.test(button.dataset.title)).length;
  seen.rows = rows().length;
  seen.hit = window.hit ?? null;
  const heading = all("#table th").find((cell) => cell.textContent.startsWith("time"));
  heading.querySelector("button").click();
  const times = rows().map((row) => Number(row.cells[heading.cellIndex].dataset.v || "Infinity"));
  const rises = times.every((time, at) => !at || times[at - 1] <= time);
  seen.sorted = heading.getAttribute("aria-sort") === "ascending" && rises;
  filter.value = "transformer failed";
  filter.dispatchEvent(new Event("input"));
  seen.filtered = rows().every((row) => /transformer/.test(row.textContent) && row.dataset.state === "failed");
  filter.value = ""; filter.dispatchEvent(new Event("input"));
  rows()[0].focus();
  rows()[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
  seen.moved = document.activeElement === rows()[1];
  visit(3);
  seen.visited = document.activeElement.id === "trial-3" && document.activeElement.classList.contains("open");
  document.getElementById("theme").click();
  seen.theme = root.dataset.theme;
  all("select").forEach((select) => { select.selectedIndex = 1; select.dispatchEvent(new Event("change")); });
  seen.resources = performance.getEntriesByType("resource").map((entry) => entry.name);
  document.getElementById("probe").textContent = JSON.stringify(seen);
}, 1500));
</script>
"""


def _browse(page: str, tmp_path: Path) -> dict[str, Any]:
    """Opens the page in Chromium, with a proxy that does not exist for a network, and returns what the probe saw."""
    assert CHROMIUM is not None
    path = tmp_path / "probed.html"
    path.write_text(page.replace("</body>", f"{_PROBE}</body>"))
    flags = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--proxy-server=127.0.0.1:9",
        f"--user-data-dir={tmp_path / 'chromium'}", "--window-size=1400,9000", "--virtual-time-budget=20000",
        "--timeout=120000", "--dump-dom",
    )  # fmt: skip
    result = subprocess.run([CHROMIUM, *flags, path.as_uri()], capture_output=True, text=True, timeout=240, check=False)
    (text,) = re.findall(r'<pre id="probe">(.*?)</pre>', result.stdout, re.S)
    return json.loads(html.unescape(text))


def test_it_asks_the_network_for_nothing(sweep: Path) -> None:
    page = report(collect([sweep]))
    assert get_plotlyjs() in page
    rest = page.replace(get_plotlyjs(), "")
    for attribute in re.findall(r"""\b(?:src|href|action|srcset)\s*=\s*["']([^"']*)["']""", rest):
        assert attribute.startswith("#"), attribute
    assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon", rest)
    assert "default-src 'none'" in rest
    assert page.count("<script>") == 2


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_it_lives_in_a_browser_without_a_network(sweep: Path, tmp_path: Path) -> None:
    seen = _browse(report(collect([sweep])), tmp_path)
    assert seen["errors"] == seen["violations"] == seen["resources"] == []
    assert seen["plots"] == 6
    assert seen["empty"] == seen["share"] == 0
    assert seen["jump"] == 0
    assert seen["rows"] == 60
    assert seen["sorted"]
    assert seen["filtered"]
    assert seen["moved"]
    assert seen["visited"]
    assert seen["theme"] == "dark"


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_names_with_html_in_them_are_shown_and_not_read(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "hostile", 12)
    trials = json.loads((folder / "trials.json").read_text())
    for number, trial in enumerate(trials):
        trial["params"] |= {
            f"model.{HOSTILE}": HOSTILE if number % 2 else "plain",
            "model": f"transformer{HOSTILE}"[: 11 + number],
        }
        trial["command"] += f" '{HOSTILE}'"
        trial["reason"] = HOSTILE
    (folder / "trials.json").write_text(json.dumps(trials))
    page = report(collect([folder]))
    assert "<img src=x" not in page
    seen = _browse(page, tmp_path)
    assert seen["hit"] is None
    assert seen["errors"] == seen["violations"] == seen["resources"] == []
    assert seen["rows"] == 12


def test_two_thousand_trials_fit(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "large", 2000)
    comparison = collect([folder])
    page = report(comparison)
    assert page.count("<tr id=") == 2000
    assert len(page) < 15e6
    kinds = {trace["type"] for panel in panels(comparison) for trace in _traces(draw(panel, comparison))}
    assert kinds >= {"scattergl", "parcoords"}
    curves = draw(LearningCurves("val/accuracy", "max"), comparison)
    assert len(_traces(curves)) == 9  # eight in colour, and one for all others


def test_it_is_the_same_each_time(sweep: Path) -> None:
    assert report(collect([sweep])) == report(collect([sweep]))


def test_importance_finds_the_option_that_decides(sweep: Path) -> None:
    comparison = collect([sweep])
    shares = importances(comparison, comparison.objective)
    assert next(iter(shares)) == "optimizer.lr"
    assert sum(shares.values()) == pytest.approx(1)


def test_several_objectives_give_several_views(two_objectives: Path) -> None:
    page = report(collect([two_objectives]))
    assert '<option value="1">val/loss</option>' in page
    assert "val/accuracy against val/loss" in page


def test_little_data_give_sentences_and_no_empty_axes(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "one", 1)
    comparison = collect([folder])
    drawn = {type(panel).__name__: draw(panel, comparison) for panel in panels(comparison)}
    assert isinstance(drawn["LearningCurves"], go.Figure)
    for name in ("Importance", "ParallelCoordinates", "Slices", "Pairs"):
        assert isinstance(drawn[name], str)
    trials = json.loads((folder / "trials.json").read_text())
    trials[0] |= {"state": "failed", "value": None, "runs": []}
    (folder / "trials.json").write_text(json.dumps(trials))
    comparison = collect([folder])
    assert all(isinstance(draw(panel, comparison), str) for panel in panels(comparison))
    assert "no trial has finished yet" in report(comparison)


def test_an_option_that_only_some_have_is_drawn_with_a_place_for_none(sweep: Path) -> None:
    comparison = collect([sweep])
    figure = draw(Slices(("model.num_layers",), comparison.objective), comparison)
    assert isinstance(figure, go.Figure)
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "3", "4", "–"]


def _traces(figure: go.Figure | str) -> list[Any]:
    return [] if isinstance(figure, str) else list(figure.data)


def test_seconds_of_several_magnitudes_are_written_in_full(sweep: Path) -> None:
    comparison = collect([sweep])
    trials = tuple(replace(trial, seconds=2.0 ** (number % 8)) for number, trial in enumerate(comparison.trials))
    (panel,) = (panel for panel in panels(comparison) if isinstance(panel, Tradeoff))
    figure = draw(panel, replace(comparison, trials=trials))
    assert isinstance(figure, go.Figure)
    across = figure.layout.xaxis
    assert (across.type, across.tickformat) == ("log", "~g")  # or plotly writes 20 as a small 2
