"""`nightshift bench first_baseline`: how often a first version passes the comparison with the baseline, by its true difference.

`gate.first: baseline` holds a version whose metric is below the baseline's on the holdout, without a test. The next night
brings another version, which is compared on the same rows. The models are those of `benchmarks.gate_simulation`.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.gate_simulation import START, Side, difficulty_share, right_by_difficulty
from benchmarks.train import say

GAPS = (-0.03, -0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02)
"""True accuracy of the versions minus that of the baseline."""
NIGHTS = (1, 3, 10, 30)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench first_baseline", allow_abbrev=False)
    parser.add_argument("--holdouts", type=int, default=1000, help="holdouts per line")
    parser.add_argument("--rows", default="500,5000", help="numbers of holdout rows")
    parser.add_argument(
        "--disagreement", type=float, default=0.1, help="share of rows on which two equal models disagree"
    )
    options = parser.parse_args(arguments)
    sizes = [int(rows) for rows in options.rows.split(",")]
    table = [_line(rows, gap, options.disagreement, options.holdouts) for rows in sizes for gap in GAPS]
    return {
        "table": table,
        "notes": [
            f"{options.holdouts:,} holdouts a line, standard error at most {50 / np.sqrt(options.holdouts):.1f} points; the baseline's "
            f"accuracy is {START}, it disagrees with an equal model on {100 * options.disagreement:g} % of rows and stays the same",
            "promoted: within so many nights, % of holdouts; each night brings another version with this true difference",
        ],
    }


def _line(rows: int, gap: float, disagreement: float, holdouts: int) -> dict[str, Any]:
    """Return a line of the table.

    Args:
        rows: Number of rows of the holdout.
        gap: True accuracy of the versions minus that of the baseline.
        disagreement: Share of rows on which two equal models disagree.
        holdouts: Number of holdouts.
    """
    share = difficulty_share(disagreement)
    baseline, version = (right_by_difficulty(np.full(holdouts, START + part), share) for part in (0.0, gap))
    side = Side(rows, baseline, np.random.default_rng(rows))
    passed = np.zeros((NIGHTS[-1], holdouts), dtype=bool)
    for run in range(NIGHTS[-1]):
        counts = side.changed(side.answer(version))["champion"].sum(axis=1)
        passed[run] = counts[:, 2] >= counts[:, 1]
    row = {"true difference, points": round(100 * gap, 2), "rows": rows}
    row |= {f"promoted within {n}": round(100 * float(passed[:n].any(axis=0).mean()), 1) for n in NIGHTS}
    say(" | ".join(map(str, row.values())))
    return row
