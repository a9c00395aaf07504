"""Makes dates.csv beside this file: 6,000 dates of 1950 to 2049 as people write them, and in ISO 8601."""

import csv
from datetime import date, timedelta
from pathlib import Path
from random import Random

FORMATS = ("{d} {B} {Y}", "{B} {d}, {Y}", "the {o} of {B} {Y}", "{a}, {d} {b} {Y}", "{d}.{m}.{Y}", "{b} {o} {Y}")
ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def written(day: date, style: str) -> str:
    """One way to write a day."""
    return style.format(
        d=day.day, o=f"{day.day}{ORDINALS.get(day.day, 'th')}", m=day.month, Y=day.year,
        B=day.strftime("%B"), b=day.strftime("%b"), a=day.strftime("%A"),
    )  # fmt: skip


def main() -> None:
    """Write the file."""
    random = Random(1)
    rows = set()
    while len(rows) < 6000:
        day = date(1950, 1, 1) + timedelta(days=random.randrange(36_525))
        rows.add((written(day, random.choice(FORMATS)), day.isoformat()))
    with Path(__file__).with_name("dates.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("source", "target"), *sorted(rows)])


if __name__ == "__main__":
    main()
