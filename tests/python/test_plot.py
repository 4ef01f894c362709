"""Pictures: what is drawn is what was found."""

import subprocess
import sys

import numpy as np
import pytest

from oddsengine import fit, football, metrics, plot
from seasons import season

matplotlib = pytest.importorskip("matplotlib")


def test_a_calibration_shows_its_bins() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.05, 0.95, 2_000)
    found = metrics.calibration(p, (rng.random(2_000) < p).astype(int), bins=5)
    ax = plot.calibration(found)
    points = ax.collections[-1].get_offsets()
    assert np.allclose(points, np.column_stack([found.mean_probability, found.frequency]))
    assert "slope" in ax.get_title()


def test_a_grid_shows_its_percent() -> None:
    model = football.DixonColes(1.6, 1.1, -0.05)
    for scores in (model, model.grid(), fit_of_a_season().predict("team 00", "team 01")):
        ax = plot.score_grid(scores, goals_max=4)
        grid = scores.grid() if not isinstance(scores, np.ndarray) else scores
        assert ax.images[0].get_array().shape == (5, 5)
        assert ax.texts[1].get_text() == f"{100 * grid[0, 1]:.1f}"


def test_parameters_show_every_team_on_given_axes() -> None:
    from matplotlib.figure import Figure

    given = Figure().add_subplot()
    found = fit_of_a_season()
    ax = plot.parameters(found, ax=given)
    assert ax is given
    assert [text.get_text() for text in ax.texts] == list(found.teams)
    assert plot.parameters(fit.poisson(season(), standard_errors=False)).get_xlabel() == "attack"


def test_it_draws_to_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "grid.png"
    plot.score_grid(football.DixonColes(1.6, 1.1)).figure.savefig(path)
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_matplotlib_is_loaded_by_plots_only_and_missed_with_words() -> None:
    code = (
        "import sys; import oddsengine, oddsengine.plot; "
        "assert not {'matplotlib', 'arro3', 'pandas', 'polars', 'rich.progress'} & {*sys.modules}; "
        "sys.modules['matplotlib.figure'] = None; "
        "oddsengine.plot.score_grid(oddsengine.football.DixonColes(1.6, 1.1))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "ImportError: plots need matplotlib: pip install matplotlib"


def fit_of_a_season() -> fit.GoalFit:
    return fit.dixon_coles(season())
