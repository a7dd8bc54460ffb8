"""Medians, ratios, tables in Markdown, and the goals at the end."""

import dataclasses
import statistics


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


def ratio(ours, theirs, key):
    """The median over the rounds of ours against theirs: what the machine did to one round, it did to both."""
    return statistics.median(a[key] / b[key] for a, b in zip(ours, theirs, strict=True))


def number(value, digits=0):
    return f"{value:,.{digits}f}".replace(",", " ")


def table(title, columns, rows, words=1):
    """`words` columns are of words, the rest are of numbers."""
    print(f"\n{title}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * words + "---:|" * (len(columns) - words))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


@dataclasses.dataclass
class Goal:
    """A figure to reach. `reached` is None where nothing here measures it yet."""

    text: str
    wanted: float
    reached: float | None
    at_most: bool = False
    digits: int = 2

    def row(self):
        sign = "≤" if self.at_most else "≥"
        wanted = f"{sign} {number(self.wanted, self.digits)}"
        if self.reached is None:
            return [self.text, wanted, "–", "not measured"]
        met = self.reached <= self.wanted if self.at_most else self.reached >= self.wanted
        return [self.text, wanted, number(self.reached, self.digits), "yes" if met else "no"]


def goal_table(goals):
    table("Goals", ["goal", "wanted", "reached", "met"], [goal.row() for goal in goals])
