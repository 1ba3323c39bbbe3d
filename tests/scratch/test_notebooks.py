"""The notebooks about the engine run from top to bottom."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

nbformat = pytest.importorskip("nbformat", reason="notebooks need the `dev` extra")
nbclient = pytest.importorskip("nbclient", reason="notebooks need the `dev` extra")
pytest.importorskip("ipykernel", reason="notebooks need the `dev` extra")
pytest.importorskip("pygraphviz", reason="the notebooks draw, which needs the `graph` extra")


@pytest.mark.filterwarnings("default")  # jupyter's own are not ours to mend
@pytest.mark.parametrize("name", ["01_autograd_from_scratch", "02_networks_from_scratch"])
def test_notebook_runs(name: str):
    notebook = nbformat.read(REPOSITORY / "notebooks" / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(REPOSITORY / "notebooks")}}
    nbclient.NotebookClient(notebook, timeout=280, kernel_name="python3", resources=resources).execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert any("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ()))
