"""Calibrates tennis to the closing price of the match winner and predicts set betting: `tennis_sets.py
CSV...`.

Reads result tables of tennis-data.co.uk (.csv or .csv.gz). Per match the margin is removed from the closing
odds and a model fitted to them at the tour's mean serve level; its set betting is compared with the result.
Printed by best of 3 or 5 and by how many points the serve levels are worth: log loss of the score in sets
(and of the winner, which the calibration fixes), Brier score, and the share of matches of each length,
predicted and observed. The tables have no totals of games, so none are compared.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tennis_data
from tennis_data import Odds

from oddsengine import margin, tennis

FloatArray = npt.NDArray[np.float64]

# The men's tour, mean of both servers; the bench of in-play prices measures it.
SERVE_MEAN = 0.635


class Result(NamedTuple):
    """Set betting of many matches against what happened."""

    log_loss: float
    log_loss_error: float
    winner_log_loss: float
    brier: float
    predicted: list[float]
    """Share of matches by number of sets, from the shortest."""
    observed: list[float]


def predict(matches: list[Odds], best_of: int, prior: float | None, method: margin.Method) -> Result:
    """Set betting of matches of one length."""
    to_win = best_of // 2 + 1
    format = tennis.Format(best_of=best_of)
    odds = np.array([match.odds for match in matches])
    fair = margin.fair_probabilities(odds, method=method)[:, 0]
    # The winner is the home side of the model: what is not used is who won.
    home, away = tennis.calibrate_batch(fair, serve_mean=SERVE_MEAN, prior_points=prior, format=format)
    losses, brier, predicted, observed = [], [], np.zeros(to_win), np.zeros(to_win)
    for match, levels in zip(matches, zip(home, away, strict=True), strict=True):
        sets = tennis.distributions(tennis.Serve(*levels, prior), format=format).set_betting
        score = f"{match.sets[0]}-{match.sets[1]}"
        losses.append(-np.log(sets[score]))
        brier.append(sum((p - (name == score)) ** 2 for name, p in sets.items()))
        for name, p in sets.items():
            predicted[min(map(int, name.split("-")))] += p
        observed[match.sets[1]] += 1
    count = len(matches)
    return Result(
        log_loss=float(np.mean(losses)),
        log_loss_error=float(np.std(losses) / count**0.5),
        winner_log_loss=float(-np.log(fair).mean()),
        brier=float(np.mean(brier)),
        predicted=[float(share) / count for share in predicted],
        observed=[float(share) / count for share in observed],
    )


def prior_of(text: str) -> float | None:
    """`none` or a number of points."""
    return None if text == "none" else float(text)


def main(arguments: list[str]) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument(
        "--prior", nargs="*", type=prior_of, default=[None, 300.0, 100.0, tennis.PRIOR_POINTS, 40.0]
    )
    parser.add_argument("--method", default="multiplicative")
    parser.add_argument("--slice", type=int, default=None)
    options = parser.parse_args(arguments)
    matches = [match for path in options.tables for match in tennis_data.odds_table(path)][: options.slice]
    for best_of in (3, 5):
        chosen = [match for match in matches if match.sets[0] == best_of // 2 + 1]
        if not chosen:
            continue
        print(f"\nbest of {best_of}: {len(chosen)} matches, margin removed {options.method}")
        print(
            "  prior points  log loss sets   s.e.   winner   Brier   share of matches by length, predicted | observed"
        )
        for prior in options.prior:
            found = predict(chosen, best_of, prior, options.method)
            shares = " ".join(f"{share:.3f}" for share in found.predicted)
            real = " ".join(f"{share:.3f}" for share in found.observed)
            print(
                f"  {prior or 'none':>12}  {found.log_loss:>13.4f} {found.log_loss_error:>6.4f}   "
                f"{found.winner_log_loss:.4f}  {found.brier:.4f}  {shares} | {real}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
