"""What a design can tell of a law: before any fit, from the Jacobian of the law on the rows.

J holds how far each row's location moves, in standard deviations of the noise, as a parameter moves by one standard
deviation of its prior. A direction v of parameters which the rows hold fast has |Jv| >> 1; rows leave a direction with
|Jv| < 1 to the prior: its posterior is 1/sqrt(1 + |Jv|^2) as wide. Where J has no rank for v at any draw of the prior,
no number of repeats of these rows will do, and a candidate run of another kind is looked for that would.

Derivatives are central differences in numpy: nothing is compiled. Source: Rothenberg 1971 (rank of the information).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.backends import numpy_operations
from lawdsl.law import FIRST, Law
from lawdsl.numbers import short
from lawdsl.words import NAMED, listed

from . import outcomes
from .model import Block, Model, scale_of
from .pointwise import row_log_density

Array = NDArray[np.float64]

#: prior draws; those that describe the rows best are where the rank is looked at
DRAWS = 400
PLACES = 5
#: rows of a long table, evenly taken: its rank shows in fewer
MOST_ROWS = 1000
#: a direction moves the rows by less than this share of the strongest one's: by nothing but rounding
ROUNDING = 1e-6
#: as in the verdict: a direction left this wide (in standard deviations of the prior) is the prior's
UNINFORMED = 0.75
#: a parameter belongs to a direction if it makes up this much of it
LOADING = 0.2
#: the same where the rows can tell nothing at all: what is left of it is no rounding
TOUCHED = 0.01
#: of the Jacobian's differences, in standard deviations of the prior
SHIFT = 1e-4
#: a run counts as a cure only if it narrows the direction by this factor
CURES = 0.8
MOST_RUNS = 3
MOST_LEVELS, MOST_CORNERS = 8, 24
#: how near a ratio is to one
SAME = 0.01


@dataclass(frozen=True)
class Direction:
    """Parameters that the rows hold only together. width: of the posterior there, expected from the design, in units of
    the prior's; exact: whether no rows at these values could tell; held: the combination that is told, where it has a
    name; cure: the run that would tell most, empty where none within a decade of the rows would.
    """

    names: tuple[str, ...]
    width: float
    exact: bool
    held: str = ""
    cure: str = ""

    def sentence(self) -> str:
        """In words."""
        joined = listed(self.names, NAMED)
        if len(self.names) == 1:
            what = f"the rows say nothing about {joined}" if self.exact else f"the rows say little about {joined}"
        else:
            what = f"the rows do not tell {joined} apart" if self.exact else f"the rows hardly tell {joined} apart"
        return what + (f": only {self.held} is told" if self.held else "")


@dataclass(frozen=True)
class Identified:
    """rank of width: of the Jacobian; condition: its largest singular value over its smallest, in units of the priors;
    directions that the rows leave to the prior, the widest first; constant: variables with one value, in words.
    """

    rank: int
    width: int
    condition: float
    directions: tuple[Direction, ...]
    constant: tuple[str, ...]

    def reasons(self) -> tuple[str, ...]:
        """A sentence for every direction that is left to the prior, with what would mend it."""
        return tuple("; ".join([one.sentence(), *self._cures(one)]) for one in self.directions)

    def _cures(self, one: Direction) -> list[str]:
        """Why a direction is not told, and what would mend it."""
        found = [f"all rows have {', '.join(self.constant)}"] if self.constant and one.exact else []
        if one.cure:
            found.append(f"{one.cure} would")
        elif one.exact and not self.constant:
            found.append("no run would: the law itself holds them together, so fix one of them or drop it")
        return found

    def completed(self, reasons: Sequence[tuple[Sequence[str], str]]) -> list[str]:
        """What a posterior left to its prior, (names, words), with what the design has to say of it; and the directions
        that the design cannot tell and the posterior did not show, since bounds of a prior may hide them.
        """
        found, told = [], set()
        for names, text in reasons:
            about = next((d for d in self.directions if d not in told and set(d.names) & set(names)), None)
            if about is None:
                found.append(text)
                continue
            told.add(about)
            found.append("; ".join([text, *([about.sentence()] if about.exact else []), *self._cures(about)]))
        left = [d for d in self.directions if d.exact and d not in told]
        return found + ["; ".join([d.sentence(), *self._cures(d)]) for d in left]

    def as_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        directions = [
            {"parameters": list(d.names), "width": d.width, "exact": d.exact, "told": d.held, "cure": d.cure}
            for d in self.directions
        ]
        return {
            "rank": self.rank, "parameters": self.width, "condition": self.condition, "directions": directions,
            "constant": list(self.constant),
        }  # fmt: skip


def identify(model: Model, positions: Array | None = None, *, seed: int = 0) -> Identified:
    """What the rows of a model can tell of its law's own parameters; populations' levels are held.

    positions (k, width): where in the unconstrained space to look, the first being where widths are judged; by default
    those of some draws of the prior that describe the responses best.
    """
    prior = model.prior_draws(DRAWS, seed)
    scale = scale_of(prior)
    chosen = _rows(model)
    observed = set(model.law.outcome) <= set(model.table.columns)
    if not observed:  # a design alone: what would be observed does not matter
        columns = {name: np.full(model.table.rows, 0.5) for name in model.law.outcome}
        model = Model(model.law, replace(model.table, columns={**model.table.columns, **columns}))
    if positions is None:
        positions = _places(model, prior, observed)
    moves, names, blocks = _moves(model)
    if not names:
        return Identified(0, 0, 1.0, (), ())
    steps = moves * scale
    jacobians = [_jacobian(model, u, steps, chosen) for u in positions]
    usable = [(u, j) for u, j in zip(positions, jacobians, strict=True) if np.isfinite(j).all() and j.any()]
    if not usable:
        return Identified(0, len(names), float("inf"), (), tuple(_constant(model)))
    ranks = [int((s > ROUNDING * s[0]).sum()) for s in (np.linalg.svd(j, compute_uv=False) for _, j in usable)]
    best = int(np.argmax(ranks))  # where terms vanish, a draw of the prior has less than the law's own rank
    u, jacobian = usable[0] if ranks[0] == ranks[best] else usable[best]
    _, values, vectors = np.linalg.svd(jacobian, full_matrices=True)
    values = np.concatenate([values, np.zeros(len(names) - len(values))])
    rank = max(ranks)
    candidates = _candidates(model)
    search = _Search(candidates, _candidate_jacobian(model, u, steps, candidates), jacobian)
    found = []
    for group in _groups(vectors[rank:]):
        basis = vectors[rank:][group] if len(group) == 1 and rank == len(names) - 1 else _sparse(vectors[rank:])[group]
        kept = [i for i in range(len(names)) if np.abs(basis[:, i]).max() >= TOUCHED * np.abs(basis).max()]
        told = _together(model, u, moves, scale, basis[0], kept, names) if len(group) == 1 else ""
        found.append(Direction(tuple(names[i] for i in kept), 1.0, True, told, search.runs(basis)))
    for index in range(rank - 1, -1, -1):
        width = float(1 / np.sqrt(1 + values[index] ** 2))
        if width < UNINFORMED:
            break
        vector = vectors[index]
        kept = [i for i in range(len(names)) if abs(vector[i]) >= LOADING * np.abs(vector).max()]
        found.append(Direction(tuple(names[i] for i in kept), width, False, "", search.runs(vector[None])))
    smallest = values[-1] if rank == len(names) else 0.0
    condition = float(values[0] / smallest) if smallest > 0 else float("inf")
    return Identified(rank, len(names), condition, tuple(found), tuple(_constant(model)))


def _rows(model: Model) -> NDArray[np.int64]:
    count = model.table.rows
    if count <= MOST_ROWS or model.law.sequence is not None:
        return np.arange(count)
    return np.linspace(0, count - 1, MOST_ROWS).astype(int)


def _places(model: Model, prior: Array, observed: bool) -> Array:
    """The draws of the prior under which the responses are likeliest; any where there are no responses."""
    if not observed or model.table.rows > MOST_ROWS:
        return np.concatenate([np.median(prior, axis=0)[None], prior[: PLACES - 1]])
    values, _ = model.unpack(prior, np)
    density = np.nansum(row_log_density(model, values), axis=1)
    density = np.where(np.isfinite(density), density, -np.inf)
    return np.asarray(prior[np.argsort(-density)[:PLACES]])


def _moves(model: Model) -> tuple[Array, list[str], list[Block]]:
    """The moves (k, width) of the law's own parameters, one at a time, with their names and blocks. The centre of a
    population moves with its levels.
    """
    needed = model.law.needs(*(o.equation for o in model.law.outcomes))
    moves, names, blocks = [], [], []
    for block in model.blocks:
        if block.parameter not in needed or block.role not in ("value", "center"):
            continue
        for i in range(block.size):
            move = np.zeros(model.width)
            move[block.start + i] = 1.0
            name = block.parameter
            if block.role == "center":
                levels = [b for b in model.blocks if b.parameter == block.parameter and b.role == "levels"]
                for one in levels:
                    move[one.slice] = 1.0
            elif name in model.groupings:
                name = f"{name}[{model.groupings[name].labels[i]}]"
            moves.append(move)
            names.append(name)
            blocks.append(block)
    return np.array(moves).reshape(len(names), model.width), names, blocks


def _jacobian(model: Model, u: Array, steps: Array, chosen: NDArray[np.int64]) -> Array:
    """(rows of all responses, moves): by central differences, in standard deviations of the noise."""
    points = np.concatenate([u[None], u + SHIFT * steps, u - SHIFT * steps])
    values, _ = model.unpack(points, np)
    rows = model.at_rows(values)
    parts = []
    for name, outcome in model.law.outcome.items():
        data = model.data["outcomes"][name]
        with np.errstate(all="ignore"):
            part = _part(outcome, rows[name], data, len(steps))
        seen = np.asarray(data.get("seen", np.ones(model.table.rows))) > 0
        parts.append(part[:, chosen[seen[chosen]]])
    return np.concatenate(parts, axis=1).T


def _part(outcome: Any, rows: Any, data: Any, count: int) -> Array:
    at = {what: value[0] for what, value in rows.items()}
    sd = outcomes.spread(outcome, at, data)
    location = rows["location"]
    slopes = (location[1 : count + 1] - location[count + 1 :]) / (2 * SHIFT)
    return np.asarray(slopes / sd)


def _constant(model: Model) -> list[str]:
    return [
        f"{name} = {short(float(model.table.columns[name][0]))}"
        for name in model.law.inputs
        if model.table.rows > 1 and np.ptp(model.table.columns[name]) <= 1e-9 * np.abs(model.table.columns[name]).max()
    ]


def _sparse(basis: Array) -> Array:
    """The directions of a null space (k, moves) in a basis in which each touches few parameters."""
    reduced = basis.copy()
    for row in range(len(reduced)):
        column = int(np.argmax(np.abs(reduced[row])))
        for other in range(len(reduced)):
            if other != row:
                reduced[other] -= reduced[row] * reduced[other, column] / reduced[row, column]
    return np.asarray(reduced / np.linalg.norm(reduced, axis=1, keepdims=True))


def _groups(basis: Array) -> list[list[int]]:
    """The directions of a null space that share parameters, together."""
    touched = [set(np.flatnonzero(np.abs(v) >= TOUCHED * np.abs(v).max()).tolist()) for v in _sparse(basis)]
    groups: list[tuple[set[int], list[int]]] = []
    for index, names in enumerate(touched):
        joined, members = set(names), [index]
        apart = []
        for others, which in groups:
            if others & joined:
                joined, members = joined | others, members + which
            else:
                apart.append((others, which))
        groups = [*apart, (joined, members)]
    return [sorted(members) for _, members in groups]


def _together(
    model: Model, u: Array, moves: Array, scale: Array, vector: Array, kept: Sequence[int], names: Sequence[str]
) -> str:
    """The combination of two parameters that a null direction leaves alone: a product, ratio, sum or difference."""
    if len(kept) != 2 or any(name not in model.law.parameter for name in (names[i] for i in kept)):
        return ""
    move = SHIFT * (vector @ moves) * scale
    values, _ = model.unpack(np.stack([u + move, u - move]), np)
    first, second = (np.asarray(values[names[i]]) for i in kept)
    for sign, x, y in (("*", np.log(np.abs(first)), np.log(np.abs(second))), (" + ", first, second)):
        a, b = float(x[0] - x[1]), float(y[0] - y[1])
        if b != 0 and abs(abs(a / b) - 1) < SAME:
            same = a / b < 0
            return f"{names[kept[0]]}{sign if same else {'*': '/', ' + ': ' - '}[sign]}{names[kept[1]]}"
    return ""


# --- the extra run ---------------------------------------------------------------------------------------------------


def _candidates(model: Model) -> list[tuple[dict[str, float], int, str]]:
    """Runs that the table does not hold: (values, the row whose factors they share, words). Each variable is moved by a
    decade up and down from the rows at the corners of the design.
    """
    law, table = model.law, model.table
    if law.sequence is not None:
        return []
    inputs = {name: table.columns[name] for name in law.inputs}
    corners = {int(f(x)) for x in inputs.values() for f in (np.argmin, np.argmax)}
    for codes in table.codes.values():
        corners |= {int(row) for row in np.unique(codes, return_index=True)[1][:MOST_LEVELS]}
    found = []
    for corner in sorted(corners)[:MOST_CORNERS]:
        here = {name: float(x[corner]) for name, x in inputs.items()}
        for name in inputs:
            for value in _moved(law, name, inputs[name], here[name]):
                there = here | {name: value}
                levels = [f"{n} {table.levels[n][codes[corner]]}" for n, codes in table.codes.items()]
                words = ", ".join([f"{n} {short(v, 3)}" for n, v in there.items()] + levels)
                found.append((there, corner, words))
    return found


def _moved(law: Law, name: str, column: Array, value: float) -> list[float]:
    domain = law.variable[name].domain
    if domain == "positive":
        return [value * 10, value / 10]
    if domain == "unit":
        return [v for v in (0.1, 0.5, 0.9) if abs(v - value) > 0.05]
    width = float(np.ptp(column)) or max(abs(value), 1.0)
    return [value + width, value - width]


def _candidate_jacobian(model: Model, u: Array, steps: Array, candidates: Sequence[Any]) -> Array:
    """(candidates, moves) of the first response."""
    if not candidates:
        return np.zeros((0, len(steps)))
    law = model.law
    count = len(candidates)
    columns = {name: np.array([values[name] for values, _, _ in candidates]) for name in law.inputs}
    rows = np.array([row for _, row, _ in candidates])
    operations = numpy_operations()
    if FIRST in model.table.columns:
        columns[FIRST] = np.ones(count)
    prepared = model.program.prepare(columns, operations)
    points = np.concatenate([u[None], u + SHIFT * steps, u - SHIFT * steps])
    values, _ = model.unpack(points, np)
    spread = {
        name: value[..., model.groupings[name].codes[rows]] if name in model.groupings else np.asarray(value)[..., None]
        for name, value in values.items()
    }
    found = model.program.finish(prepared, spread, operations)
    outcome = law.outcomes[0]
    name = outcome.response.name
    shape = (len(points), count)
    own = {what: np.broadcast_to(value, shape) for what, value in outcomes.of(name, found).items()}
    plain = {what: value for what, value in own.items() if not what.startswith("slope ")}
    with np.errstate(all="ignore"):
        part = _part(outcome, plain, {}, len(steps)).T
    return np.where(np.isfinite(part).all(axis=1, keepdims=True), part, 0.0)


class _Search:
    """The runs that narrow directions most, one after another."""

    def __init__(self, candidates: Sequence[tuple[dict[str, float], int, str]], reach: Array, jacobian: Array):
        self.words = [words for _, _, words in candidates]
        self.reach = reach
        self.covariance = np.linalg.inv(np.eye(jacobian.shape[1]) + jacobian.T @ jacobian)

    def runs(self, basis: Array) -> str:
        """As many runs as there are directions (k, moves), in words; empty where the best narrows them next to not."""
        if not len(self.reach):
            return ""
        covariance, chosen = self.covariance, []
        for _ in range(min(len(basis), MOST_RUNS)):
            along = self.reach @ covariance
            gain = ((along @ basis.T) ** 2).sum(axis=1) / (1 + (along * self.reach).sum(axis=1))
            before = float(np.trace(basis @ covariance @ basis.T))
            best = int(np.argmax(gain))
            if gain[best] < (1 - CURES**2) * before / len(basis):
                break
            chosen.append(self.words[best])
            covariance = covariance - np.outer(along[best], along[best]) / (1 + along[best] @ self.reach[best])
        return "" if not chosen else f"{'runs' if len(chosen) > 1 else 'a run'} at {' and at '.join(chosen)}"
