"""How many articles there are, the ones that nobody named included: from how the lists that named them overlap.

Capture–recapture. A list that names an article is an occasion on which it was caught; the three views are the site's
sitemaps, its lists (listings, tags, feeds) and the links in its articles. Each estimator has an assumption that a news
site breaks in its own way, so there are several, and the answer reaches from the lowest of their 95 % intervals to the
highest. Pure arithmetic: counts in, numbers out.

What none of them can see is a group of articles that no list of the site ever names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil, exp, floor, inf, log, sqrt

VIEWS = ("sitemap", "lists", "related")
Z95 = 1.959964  # normal quantile of a two-sided 95 % interval
CHI95 = Z95 * Z95  # of chi-square with one degree of freedom
ENOUGH = 0.55  # sample coverage from which Chao et al. (2001) prefer the estimator that allows for dependence

Cells = Mapping[tuple[bool, ...], int]
"""Articles by the views that name them: (sitemap, lists, related) → how many. None of them all False."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one estimator says of the number of all articles."""

    name: str
    total: float
    low: int  # ends of its 95 % interval; never below the number that is known
    high: int
    source: str  # of the formula


@dataclass(frozen=True, slots=True)
class Estimates:
    """All estimators that the data allow. ``low`` and ``high`` hold every one of their intervals."""

    known: int
    each: tuple[Estimate, ...]

    @property
    def low(self) -> int:
        return min((one.low for one in self.each), default=self.known)

    @property
    def high(self) -> float:
        """Infinite when there is nothing to estimate from."""
        return max((one.high for one in self.each), default=inf)


def estimate(cells: Cells, once: int, twice: int, channels: int) -> Estimates:
    """``once`` and ``twice``: articles that exactly one and two of so many channels name."""
    known = sum(cells.values())
    each = [chao(known, once, twice, channels)] if channels > 1 else []
    used = [view for view in range(len(VIEWS)) if any(cell[view] for cell in cells if cells[cell])]
    if len(used) >= 2:
        each.append(chapman(cells, used[0], used[1]))
    if len(used) == 3:
        each += [one for one in (coverage(cells), log_linear(cells)) if one is not None]
    return Estimates(known, tuple(each))


def chapman(cells: Cells, first: int, second: int) -> Estimate:
    """Two views, the second independent of the first. The third may add articles that both miss."""
    n1 = sum(n for cell, n in cells.items() if cell[first])
    n2 = sum(n for cell, n in cells.items() if cell[second])
    both = sum(n for cell, n in cells.items() if cell[first] and cell[second])
    total = (n1 + 1) * (n2 + 1) / (both + 1) - 1
    variance = (n1 + 1) * (n2 + 1) * (n1 - both) * (n2 - both) / ((both + 1) ** 2 * (both + 2))
    low, high = log_interval(n1 + n2 - both, total, variance)
    return _estimate(
        f"Chapman, {VIEWS[first]} and {VIEWS[second]}",
        sum(cells.values()),
        total,
        low,
        high,
        "Chapman 1951; variance Seber 1970",
    )


def chao(known: int, once: int, twice: int, channels: int) -> Estimate:
    """At least so many, however unequal the articles' chances of being named are (bias-corrected form)."""
    share = (channels - 1) / channels
    missing = share * once * (once - 1) / (2 * (twice + 1))
    variance = missing
    if twice:
        variance += share**2 * once * (2 * once - 1) ** 2 / (4 * (twice + 1) ** 2)
        variance += share**2 * once**2 * twice * (once - 1) ** 2 / (4 * (twice + 1) ** 4)
    elif once:
        variance += share**2 * once * (2 * once - 1) ** 2 / 4
        variance -= share**2 * once**4 / (4 * (known + missing)) if missing else 0.0
    low, high = log_interval(known, known + missing, variance)
    return _estimate("Chao, lower bound", known, known + missing, low, high, "Chao 1987; bias-corrected Chao 2005")


def coverage(cells: Cells) -> Estimate | None:
    """Three views that may depend on each other, through the share of articles that more than one of them names."""
    total = _by_coverage(cells)
    if total is None:
        return None
    squares = slopes = 0.0  # delta method; the cells are multinomial
    for cell, n in cells.items():
        less, more = max(0.0, n - max(1.0, 0.01 * n)), n + max(1.0, 0.01 * n)
        below, above = _by_coverage({**cells, cell: less}), _by_coverage({**cells, cell: more})
        if below is None or above is None:
            return None
        slope = (above - below) / (more - less)
        squares, slopes = squares + n * slope**2, slopes + n * slope
    variance = max(0.0, squares - slopes**2 / total)
    low, high = log_interval(sum(cells.values()), total, variance)
    return _estimate(
        "Chao and Tsay, sample coverage",
        sum(cells.values()),
        total,
        low,
        high,
        "Chao, Tsay 1998; Chao et al. 2001, (12) and (13)",
    )


def _by_coverage(cells: Mapping[tuple[bool, ...], float]) -> float | None:
    """Chao et al. 2001: equation (12) where enough is covered, else the one-step (13); None where it says nothing."""

    def z(*pattern: int | None) -> float:
        """Articles with this pattern; None stands for both."""
        wanted = [(p,) if p is not None else (0, 1) for p in pattern]
        return sum(cells.get(tuple(map(bool, cell)), 0) for cell in product(*wanted))

    n1, n2, n3 = z(1, None, None), z(None, 1, None), z(None, None, 1)
    if not n1 or not n2 or not n3:
        return None
    covered = 1 - (z(1, 0, 0) / n1 + z(0, 1, 0) / n2 + z(0, 0, 1) / n3) / 3
    if covered <= 0:
        return None
    pairs = (
        (z(1, None, 0) + z(None, 1, 0), z(1, 1, None) / (n1 * n2)),
        (z(1, 0, None) + z(None, 0, 1), z(1, None, 1) / (n1 * n3)),
        (z(0, 1, None) + z(0, None, 1), z(None, 1, 1) / (n2 * n3)),
    )
    rest = 1 - sum(single * joint for single, joint in pairs) / (3 * covered)
    if covered >= ENOUGH and rest > 0:
        return (z(None, 1, 1) + z(1, None, 1) + z(1, 1, None)) / (3 * covered) / rest
    plain = (z(None, None, None) - (z(1, 0, 0) + z(0, 1, 0) + z(0, 0, 1)) / 3) / covered
    first = plain + sum(single * (plain * joint - 1) for single, joint in pairs) / (3 * covered)
    return plain + sum(single * (first * joint - 1) for single, joint in pairs) / (3 * covered)


def log_linear(cells: Cells) -> Estimate | None:
    """Which views depend on each other is chosen by AIC among the models with a closed fit; profile likelihood."""
    full = {cell: float(cells.get(cell, 0)) for cell in product((False, True), repeat=3) if any(cell)}
    known = sum(full.values())
    most = 100 * known
    fits: list[tuple[float, str, float, partial[float]]] = []
    for name, parameters, expected in _models():
        deviance = partial(_deviance, full, expected)
        missing = _least(deviance, 0.0, most)
        if missing < 0.99 * most:  # else the views that are left do not overlap, and it says nothing
            fits.append((deviance(missing) + 2 * parameters, name, missing, deviance))
    if not fits:
        return None
    _, name, missing, deviance = min(fits, key=lambda fit: fit[:2])
    limit = deviance(missing) + CHI95
    low = _crossing(deviance, limit, missing, 0.0)
    high = _crossing(deviance, limit, missing, most)
    return _estimate(
        f"log-linear, {name}",
        int(known),
        known + missing,
        known + low,
        known + high,
        "Fienberg 1972; interval Cormack 1992",
    )


_Expected = Callable[[Callable[..., float], tuple[bool, ...]], float]


def _models() -> list[tuple[str, int, _Expected]]:
    """The decomposable models of three views: name, parameters, what they expect in a cell from the margins."""

    def none_depends(margin: Callable[..., float], cell: tuple[bool, ...]) -> float:
        return margin((0,), cell) * margin((1,), cell) * margin((2,), cell) / margin((), cell) ** 2

    def pair(a: int, b: int, c: int) -> _Expected:
        return lambda margin, cell: margin((a, b), cell) * margin((c,), cell) / margin((), cell)

    def both_through(a: int, b: int, c: int) -> _Expected:
        return lambda margin, cell: margin((a, b), cell) * margin((a, c), cell) / (margin((a,), cell) or inf)

    models: list[tuple[str, int, _Expected]] = [("independent", 4, none_depends)]
    for a, b, c in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
        models.append((f"{VIEWS[a]} with {VIEWS[b]}", 5, pair(a, b, c)))
    for a, b, c in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        models.append((f"{VIEWS[a]} with {VIEWS[b]} and with {VIEWS[c]}", 6, both_through(a, b, c)))
    return models


def _deviance(seen: Mapping[tuple[bool, ...], float], expected: _Expected, missing: float) -> float:
    """How badly a model fits the views with so many articles that none of them names."""
    table = {**seen, (False, False, False): missing}
    margins: dict[tuple[tuple[int, ...], tuple[bool, ...]], float] = {}

    def margin(views: tuple[int, ...], cell: tuple[bool, ...]) -> float:
        key = views, tuple(cell[view] for view in views)
        if key not in margins:
            margins[key] = sum(n for other, n in table.items() if all(other[view] == cell[view] for view in views))
        return margins[key]

    return 2 * sum(n * log(n / expected(margin, cell)) for cell, n in table.items() if n > 0)


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls and then rises is least."""
    for _ in range(200):
        third = (high - low) / 3
        if function(low + third) <= function(high - third):
            high -= third
        else:
            low += third
        if third < 1e-6 * (1 + low):
            break
    return (low + high) / 2


def _crossing(function: Callable[[float], float], limit: float, inside: float, outside: float) -> float:
    """Where the function passes the limit between two places; ``outside`` when it does not."""
    if function(outside) <= limit:
        return outside
    for _ in range(200):
        middle = (inside + outside) / 2
        if function(middle) <= limit:
            inside = middle
        else:
            outside = middle
    return inside


def log_interval(known: float, total: float, variance: float) -> tuple[float, float]:
    """95 % interval for a total of which ``known`` are seen: what is missing is taken as log-normal (Chao 1987)."""
    missing = total - known
    if missing <= 0 or variance <= 0:
        return known, max(total, known) + Z95 * sqrt(max(variance, 0.0))
    factor = exp(Z95 * sqrt(log(1 + variance / missing**2)))
    return known + missing / factor, known + missing * factor


def _estimate(name: str, known: int, total: float, low: float, high: float, source: str) -> Estimate:
    """Articles are whole: the ends go outwards to whole numbers."""
    return Estimate(name, max(total, known), max(floor(low), known), max(ceil(high), known), source)
