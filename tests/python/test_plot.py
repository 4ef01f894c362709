"""Pictures: what is drawn is what was found."""

import subprocess
import sys

import numpy as np
import pytest

from oddsengine import data, fit, football, metrics, plot, racing, risk
from oddsengine.exceptions import BoundsError
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


def test_closing_line_value_adds_up_with_its_band() -> None:
    rng = np.random.default_rng(2)
    taken, close = rng.uniform(1.8, 2.3, 300), np.tile([2.0, 2.0], (300, 1))
    found = metrics.closing_line_value(taken, close, np.zeros(300, dtype=int))
    ax = plot.closing_line_value(found)
    assert np.allclose(ax.lines[-1].get_ydata(), np.cumsum(found.each))
    band = ax.collections[0].get_paths()[0].vertices
    end = band[band[:, 0] == 300][:, 1]
    assert end.max() - end.min() == pytest.approx(4 * 300 * found.standard_error)
    assert ax.get_title().startswith("300 bets, ")


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


def test_prices_in_play_are_steps_with_what_happened() -> None:
    """Broke: there was no picture of a price in play; marks a minute apart were written over each other."""
    rows = [[0.49, 0.27, 0.24], [0.28, 0.27, 0.45], [0.2, 0.3, 0.5], [0.1, 0.7, 0.2]]
    marks = {17: "0-1", 80: "1-1", 81: "1-2"}
    ax = plot.prices([0, 17, 80, 97], rows, names=["home", "draw", "away"], events=marks)
    lines = {line.get_label(): line for line in ax.lines}
    assert np.allclose(lines["away"].get_ydata(), [0.24, 0.45, 0.5, 0.2])
    assert lines["away"].get_drawstyle() == "steps-post"
    assert [text.get_text() for text in ax.texts] == ["0-1", "1-1", "1-2"]
    first, second = (text.xyann for text in ax.texts[1:])
    assert abs(first[1] - second[1]) >= 10
    with pytest.raises(BoundsError, match=r"\(4, 3\) do not fit 4 times and 2 names"):
        plot.prices([0, 17, 80, 97], rows, names=["home", "draw"])


def test_exposure_is_the_book() -> None:
    bets = [("1x2/home", 2.2, 50_000), ("total:2.5/over", 9.0, 300_000)]
    book = risk.book(bets, lambda_home=1.5, lambda_away=1.1)
    ax = plot.exposure(book, goals_max=3)
    assert [text.get_text() for text in ax.texts][:5] == ["3,500", "3,500", "3,500", "-23,500", "2,400"]
    image = ax.images[0]
    # White is nothing won and nothing lost, whatever the book.
    assert image.norm.vmin == -image.norm.vmax
    assert ax.get_title().startswith("worst -24,600")
    assert plot.exposure(book, unit_minor=1).texts[0].get_text() == "350,000"


def test_a_race_card_has_the_favourite_on_top() -> None:
    race = racing.Race([0.2, 0.5, 0.3])
    ax = plot.race_card(race, places=2, odds=[4.8, 1.9, 3.2], names=["Alba", "Bruma", "Corvo"])
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "Bruma  1.90",
        "Corvo  3.20",
        "Alba  4.80",
    ]
    assert ax.yaxis_inverted()
    widths = [patch.get_width() for patch in ax.patches]
    assert np.allclose(widths[:3], race.places(2)[[1, 2, 0]])
    assert np.allclose(widths[3:], [0.5, 0.3, 0.2])
    with pytest.raises(BoundsError, match=r"2 names do not fit 3 runners"):
        plot.race_card(race, names=["Alba", "Bruma"])
    with pytest.raises(BoundsError, match=r"odds of shape \(2,\)"):
        plot.race_card(race, odds=[1.9, 3.2])


def test_names_are_not_written_over_each_other() -> None:
    """Broke: names of teams with near parameters covered each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    found = fit.poisson(data.simulated_league(teams=20, seed=7).table)
    ax = plot.parameters(found)
    FigureCanvasAgg(ax.figure).draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    covered = [
        (one, other) for one in range(len(boxes)) for other in range(one) if boxes[one].overlaps(boxes[other])
    ]
    assert len(boxes) == len(found.teams)
    assert len(covered) <= len(boxes) // 20
