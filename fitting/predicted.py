"""What predictions come back as: a sequence of them that is also a table, with the verdict of the fit they are from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from lawdsl import notebook
from lawdsl.law import Law
from lawdsl.numbers import short
from lawdsl.tabular import Tabular
from lawdsl.words import interval, percent

from .verdict import Verdict

if TYPE_CHECKING:
    import xarray as xr

    from .predictions import Prediction

#: the numbers of a prediction
NUMBERS = ("median", "mean", "lo", "hi", "new_lo", "new_hi")


@dataclass(frozen=True, repr=False)
class Predictions(Tabular, Sequence["Prediction"]):
    """Predictions of a fit, in the order of the points; of a law with several responses one of each at every point.

    `to_columns()`: what is given at each point; `response`; median, mean, lo, hi (of the law's mean), new_lo, new_hi
    (of a new observation), in the response's unit; `widened`, whether the law's own error is in them;
    `decades_beyond`, the farthest that the point lies outside the rows.

    >>> import fitting
    >>> post = fitting.fit("qid", method="map")
    >>> found = post.predict(N="1M..100M:3", D="1B..100B:2", P=3)
    >>> len(found), found[0].at
    (6, (('N', 1000000.0), ('D', 1000000000.0), ('P', 3.0)))
    >>> found.to_xarray()["median"].sizes
    Frozen({'N': 3, 'D': 2})
    """

    found: tuple[Prediction, ...]
    level: float
    law: Law
    verdict: Verdict

    @overload
    def __getitem__(self, place: int) -> Prediction: ...
    @overload
    def __getitem__(self, place: slice) -> Predictions: ...
    def __getitem__(self, place: int | slice) -> Prediction | Predictions:
        if isinstance(place, slice):
            return Predictions(self.found[place], self.level, self.law, self.verdict)
        return self.found[place]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.found)

    def __repr__(self) -> str:
        if len(self.found) == 1:
            return f"[{self.found[0]!r}]"
        ends = f": {self.found[0]!r} ... {self.found[-1]!r}" if self.found else ""
        return f"Predictions({len(self.found)} of {self.law.name}{ends})"

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for one in self.found for name, _ in one.at))

    def to_columns(self) -> dict[str, list[Any]]:
        points = [dict(one.at) for one in self.found]
        table: dict[str, list[Any]] = {name: [point.get(name) for point in points] for name in self._names()}
        table["response"] = [one.response for one in self.found]
        table |= {name: [getattr(one, name) for one in self.found] for name in NUMBERS}
        table["widened"] = [one.widened for one in self.found]
        table["decades_beyond"] = [max((abs(far) for _, far in one.beyond), default=0.0) for one in self.found]
        return table

    def to_xarray(self) -> xr.Dataset:
        """The numbers as a dataset: over the variables of the grid where the points are one, else over `point`; and
        over `response` where there are several. Units, level and verdict are attributes.
        """
        import xarray as xr

        responses = list(dict.fromkeys(one.response for one in self.found))
        count = len(self.found) // max(1, len(responses))
        points = [dict(one.at) for one in self.found[:: max(1, len(responses))]]
        axes, held = _grid(points)
        shape = tuple(len(values) for values in axes.values()) if axes else (count,)
        coordinates: dict[str, Any] = dict(axes) | held if axes else {
            name: ("point", [point.get(name) for point in points]) for name in self._names()
        }  # fmt: skip
        dims = tuple(axes) or ("point",)
        data = {}
        for name in NUMBERS:
            values = np.array([getattr(one, name) for one in self.found]).reshape(*shape, len(responses))
            data[name] = (dims, values[..., 0]) if len(responses) == 1 else ((*dims, "response"), values)
        units = {name: str(self.law.outcome[name].response.quantity) for name in responses}
        attributes = {
            "law": self.law.name, "level": self.level, "believed": int(self.verdict.ok),
            "reasons": "; ".join(self.verdict.reasons), **{f"unit of {name}": unit for name, unit in units.items()},
        }  # fmt: skip
        coordinates |= {"response": responses if len(responses) != 1 else responses[0]}
        dataset = xr.Dataset(data, coordinates, attributes)
        for name in self.law.inputs:
            if name in dataset.coords:
                dataset[name].attrs["units"] = str(self.law.variable[name].quantity)
        return dataset

    def _repr_html_(self) -> str:
        several = len({one.response for one in self.found}) > 1
        names = self._names()
        at = percent(self.level)
        header = [
            *names,
            *(["response"] if several else []),
            "median",
            f"{at} of the mean",
            f"{at} of a new observation",
        ]
        rows = []
        for one in self.found:
            point = dict(one.at)
            cells = [_cell(point.get(name)) for name in names] + ([one.response] if several else [])
            rows.append([*cells, short(one.median), interval(one.lo, one.hi), interval(one.new_lo, one.new_hi)])
        told = [f"{o.response.name} in {o.response.quantity}" for o in self.law.outcomes]
        far = list(dict.fromkeys(one.distance() for one in self.found if one.distance()))
        fared = list(dict.fromkeys(one.found for one in self.found if one.found))
        return notebook.block(
            notebook.verdict(self.verdict.ok, self.verdict.reasons),
            notebook.heading(self.law.title, ", ".join(told)),
            notebook.table(header, rows, left=len(names)),
            *(notebook.line(f"extrapolation: {text}") for text in far[:4]),
            *(notebook.line(f"calibration: {text}") for text in fared[:4]),
        )


def _cell(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else short(value)


def _grid(points: Sequence[dict[str, Any]]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """The axes of points that are a grid, in its order, and what is the same at all; nothing where they are none."""
    if len(points) < 2 or any(point.keys() != points[0].keys() for point in points):
        return {}, {}
    axes = {name: list(dict.fromkeys(point[name] for point in points)) for name in points[0]}
    held = {name: values[0] for name, values in axes.items() if len(values) == 1}
    axes = {name: values for name, values in axes.items() if len(values) > 1}
    if not axes or int(np.prod([len(values) for values in axes.values()], dtype=float)) != len(points):
        return {}, {}
    places = {name: {value: i for i, value in enumerate(values)} for name, values in axes.items()}
    shape = tuple(map(len, axes.values()))
    at = [np.ravel_multi_index(tuple(places[n][p[n]] for n in axes), shape) for p in points]
    return (axes, held) if at == list(range(len(points))) else ({}, {})
