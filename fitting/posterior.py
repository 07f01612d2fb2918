"""A posterior: the draws with everything needed to use them, and the file that holds it all.

The file is netCDF-4, laid out as ArviZ lays out inference data (posterior, sample_stats, prior, prior_predictive,
posterior_predictive, observed_data, constant_data), so that `arviz.from_netcdf` opens it too (`fitting.fit_file`). The
law travels as its canonical YAML and is read by the same checked reader as any law: opening a fit runs no code from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import AskError, Fault, InputError, LawdslError, OutsideError, Span
from lawdsl.law import Law
from lawdsl.tabular import Tabular

from . import fit_file, fit_schema
from .fit_file import Group
from .verdict import Verdict

if TYPE_CHECKING:
    import xarray as xr

    from lawdsl.table import Table

    from .answers import Answers
    from .backtesting import Backtest
    from .predicted import Predictions
    from .reliability import Reliability

Array = NDArray[np.float64]

#: raised when a reader of the form before would take something for what it is not
VERSION = 2
FORMAT = f"lawdsl fit {VERSION}"
METHODS = ("nuts", "map", "huber", "bootstrap")
RESIDUAL = "residual of "
NUMBER = "number of the row"


@dataclass(frozen=True)
class Provenance:
    """Where a fit is from. `data` names the table, `data_digest` its bound content; `notes` are the table's."""

    data: str
    data_digest: str
    law_digest: str
    rows: int
    seed: int
    versions: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Posterior(Tabular):
    """What a fit found; as a frame its draws.

    draws: parameter -> (chains, draws), or (chains, draws, levels) where it is grouped; a partially pooled `k` brings
    `k.center` and `k.spread`. For method "map" they are from the normal approximation at the mode, for "huber" there is
    one, for "bootstrap" one per resample. levels: grouped parameter -> its labels. factors: factor -> levels seen.
    stats: sampler statistics (chains, draws). prior: as draws, (1, draws, ...). predictive: "prior" and "posterior" ->
    response -> (draws, rows). columns, codes: the rows fitted to. residuals: of point fits, response -> (rows,) on the
    noise's scale, NaN where the response was not observed. numbers: each row's number in the table's source, from 1.
    reliability: what backtests on these rows found, if any.
    """

    law: Law
    method: str
    draws: Mapping[str, Array]
    levels: Mapping[str, tuple[str, ...]]
    factors: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, Array]
    codes: Mapping[str, NDArray[np.int64]]
    verdict: Verdict
    provenance: Provenance
    stats: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    prior: Mapping[str, Array] = field(default_factory=dict)
    predictive: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    residuals: Mapping[str, Array] | None = None
    numbers: NDArray[np.int64] | None = None
    reliability: Reliability | None = None

    @cached_property
    def flat(self) -> dict[str, Array]:
        """Draws of all chains in one axis: (draws,) or (draws, levels)."""
        return {name: x.reshape(-1, *x.shape[2:]) for name, x in self.draws.items()}

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Variable -> the smallest and largest value among the rows."""
        return {n: (float(v.min()), float(v.max())) for n, v in self.columns.items() if n in self.law.inputs}

    def summary(self) -> dict[str, dict[str, float]]:
        """Parameter (grouped ones as `k[level]`) -> mean, median, sd, q05, q95, rhat, ess_bulk, ess_tail."""
        from . import convergence

        table = {}
        sampled = self.method == "nuts"
        for name, draws in self.scalars().items():
            flat = draws.reshape(-1)
            table[name] = {
                "mean": float(flat.mean()),
                "median": float(np.median(flat)),
                "sd": float(flat.std(ddof=1)) if flat.size > 1 else float("nan"),
                "q05": float(np.quantile(flat, 0.05)),
                "q95": float(np.quantile(flat, 0.95)),
                "rhat": float(convergence.rhat(draws)) if sampled else float("nan"),
                "ess_bulk": float(convergence.ess_bulk(draws)) if sampled else float("nan"),
                "ess_tail": float(convergence.ess_tail(draws)) if sampled else float("nan"),
            }
        return table

    def scalars(self) -> dict[str, Array]:
        """Every number that was estimated, by its full name, as (chains, draws)."""
        found = {}
        for name, draws in self.draws.items():
            if draws.ndim == 2:
                found[name] = draws
            else:
                found.update({f"{name}[{label}]": draws[..., i] for i, label in enumerate(self.levels[name])})
        return found

    def predict(self, points: Any = None, *, level: float = 0.9, **at: Any) -> Predictions:
        """Predictions at points (`fitting.predict`), or at what the keywords say: numbers, texts, ranges, columns.

        >>> import fitting
        >>> post = fitting.fit("qid", method="map")
        >>> post.predict(N="25M", D="100B", P=3)[0].response
        'dL'
        >>> len(post.predict(N="25M", D="1B..100B:20", P=3))
        20

        Raises: AskError as `fitting.predict` does, and for points together with keywords (ASK018).
        """
        from .predictions import predict

        if points is not None and at:
            cure = "Put everything into the points, or everything into keywords."
            raise AskError(Fault("ASK018", Span(self.law.name), f"points together with {', '.join(at)}=", cure))
        return predict(self, at if points is None else points, level=level)

    def ask(self, question: str, given: Mapping[str, Any] | None = None, *, level: float = 0.9, **at: Any) -> Answers:
        """The answers to one of the law's questions (`fitting.ask`), given numbers by mapping or by keyword.

        >>> import fitting
        >>> post = fitting.fit("qid", method="map")
        >>> post.ask("tokens_at", N="25M", P=3, q=0.2)["D"].median > 1e9
        True
        """
        from .answers import ask

        return ask(self, question, {**(given or {}), **at}, level=level)

    def to_columns(self) -> dict[str, Any]:
        """The draws: `chain` and `draw`, then every number that was estimated, by its full name."""
        scalars = self.scalars()
        chains, draws = next(iter(scalars.values())).shape
        places = {"chain": np.repeat(np.arange(chains), draws), "draw": np.tile(np.arange(draws), chains)}
        return {**places, **{name: values.reshape(-1) for name, values in scalars.items()}}

    def backtested(self, told: Backtest) -> Posterior:
        """The same fit, knowing what backtests of it found: its predictions say so, and are widened where need be."""
        return replace(self, reliability=told.reliability)

    def __repr__(self) -> str:
        told = self.provenance
        shape = "x".join(map(str, next(iter(self.draws.values())).shape[:2])) if self.draws else "no"
        good = "good" if self.verdict.ok else "not to be believed"
        return (
            f"Posterior({self.law.name} on {told.rows} rows of {told.data}: {self.method}, {shape} draws, "
            f"verdict {good})"
        )

    def _repr_html_(self) -> str:
        from .displays import of_posterior

        return of_posterior(self)

    def groups(self) -> dict[str, Group]:
        """Everything the fit holds by group, as ArviZ lays out inference data; the law and the rest are attributes of
        the first, "/".
        """
        labels = {f"{name}_level": labels for name, labels in self.levels.items()}

        def group(values: Mapping[str, NDArray[Any]], *leading: str) -> Group:
            dims = {n: (*leading, *((f"{n}_level",) if v.ndim > len(leading) else ())) for n, v in values.items()}
            used = {dim for names in dims.values() for dim in names} & set(labels)
            return Group({n: (dims[n], v) for n, v in values.items()}, {d: labels[d] for d in sorted(used)})

        responses = list(self.law.outcome)
        residuals = {f"{RESIDUAL}{n}": v for n, v in (self.residuals or {}).items()}
        rows = {n: v for n, v in self.columns.items() if n not in responses}
        numbers = {} if self.numbers is None else {NUMBER: self.numbers}
        found = {
            "/": Group({}, {}, self._attributes()),
            "/posterior": group(self.draws, "chain", "draw"),
            "/observed_data": group({name: self.columns[name] for name in responses}, "row"),
            "/constant_data": group(
                {**rows, **{f"{n}_code": v for n, v in self.codes.items()}, **residuals, **numbers}, "row"
            ),
        }
        if self.stats:
            found["/sample_stats"] = group(self.stats, "chain", "draw")
        if self.prior:
            found["/prior"] = group(self.prior, "chain", "draw")
        for kind, values in self.predictive.items():
            found[f"/{kind}_predictive"] = group({n: v[None] for n, v in values.items()}, "chain", "draw", "row")
        return found

    def to_xarray(self) -> xr.DataTree:
        """The groups as an xarray tree, as they stand in the file."""
        import xarray as xr

        return xr.DataTree.from_dict({
            path: xr.Dataset(one.variables, {n: list(labels) for n, labels in one.labels.items()}, one.attributes)
            for path, one in self.groups().items()
        })  # fmt: skip

    def _attributes(self) -> dict[str, str]:
        from lawdsl.render import canonical

        provenance = self.provenance
        plain = {
            "data": provenance.data,
            "data_digest": provenance.data_digest,
            "law_digest": provenance.law_digest,
            "rows": provenance.rows,
            "seed": provenance.seed,
            "versions": dict(provenance.versions),
            "settings": dict(provenance.settings),
            "notes": list(provenance.notes),
        }
        return {
            "format": FORMAT,
            "law": canonical(self.law),
            "method": self.method,
            "factors": json.dumps({name: list(levels) for name, levels in self.factors.items()}),
            "levels": json.dumps({name: list(levels) for name, levels in self.levels.items()}),
            "verdict": json.dumps(self.verdict.as_json()),
            "provenance": json.dumps(plain),
        } | ({} if self.reliability is None else {"reliability": json.dumps(self.reliability.as_json())})

    def save(self, path: str | Path) -> Path:
        """Write the fit file, whole or not at all. Raises: OutsideError (FIT001) where it cannot be written."""
        return fit_file.write(self.groups(), Path(path))


def open_fit(path: str | Path) -> Posterior:
    """Read a fit file. Raises: OutsideError (FIT002) where there is none, InputError (FIT003) where it is no fit."""
    where = Span(str(path))
    if not Path(path).is_file():
        cure = "Make one: lawdsl fit LAW."
        raise OutsideError(Fault("FIT002", where, "there is no such fit file", cure))
    try:
        groups = fit_file.read(Path(path))
    except _DAMAGE as error:
        raise _no_fit(where, error) from None
    return from_groups(groups, where)


def from_groups(groups: Mapping[str, Group], where: Span) -> Posterior:
    """The posterior that groups hold, held against its law. Raises: InputError (FIT003) where they are no fit's."""
    known = str(groups["/"].attributes.get("format", "not said"))
    if known != FORMAT:
        raise _of_another_form(where, known)
    try:
        found = _from_groups(groups)
        fit_schema.complete(found)
    except LawdslError as error:
        faults = [
            Fault("FIT003", where, f"the law in this file is at fault: {f.message}", f.cure) for f in error.faults
        ]
        raise InputError(faults) from None
    except _DAMAGE as error:
        raise _no_fit(where, error) from None
    return found


#: what reading a file that is no fit may raise
_DAMAGE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, IndexError, OverflowError)


def _no_fit(where: Span, error: BaseException) -> InputError:
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    cure = "Fit again; a fit file is written by lawdsl fit, and is not to be edited."
    return InputError(Fault("FIT003", where, f"not a fit file: {reason}", cure))


def _of_another_form(where: Span, known: str) -> InputError:
    """The refusal of a whole fit file that this version cannot read."""
    number = known.removeprefix("lawdsl fit ")
    newer = number.isdecimal() and len(number) < 9 and int(number) > VERSION
    cure = "Update lawdsl: a newer one wrote this." if newer else "Fit again: lawdsl fit."
    message = f"a fit file of the form {known[:40]!r}, and {FORMAT!r} is read here"
    return InputError(Fault("FIT003", where, message, cure))


def table_of(posterior: Posterior) -> Table:
    """The rows that a posterior was fitted to, as a bound table."""
    from lawdsl.table import Table

    told = posterior.provenance
    return Table(
        posterior.columns, posterior.codes, posterior.factors, told.rows, told.data, told.data_digest, told.notes,
        numbers=posterior.numbers,
    )  # fmt: skip


def _from_groups(groups: Mapping[str, Group]) -> Posterior:
    from lawdsl.library import parse

    attributes = groups["/"].attributes
    law = parse(str(attributes["law"]), "the law in the fit")
    plain = json.loads(attributes["provenance"])
    provenance = Provenance(
        str(plain["data"]), str(plain["data_digest"]), str(plain["law_digest"]), int(plain["rows"]),
        int(plain["seed"]), tuple(plain["versions"].items()), tuple(plain["settings"].items()), tuple(plain["notes"]),
    )  # fmt: skip

    def arrays(group: str) -> dict[str, NDArray[Any]]:
        found = groups.get(group)
        return {} if found is None else {name: values for name, (_, values) in found.variables.items()}

    constant, observed = arrays("/constant_data"), arrays("/observed_data")
    numbers = constant.pop(NUMBER, None)
    predictive = {
        kind: {name: values[0] for name, values in arrays(f"/{kind}_predictive").items()}
        for kind in ("prior", "posterior")
        if f"/{kind}_predictive" in groups
    }
    reliability = None
    if "reliability" in attributes:
        from .reliability import Reliability

        reliability = Reliability.from_json(json.loads(attributes["reliability"]))
    residuals = {n.removeprefix(RESIDUAL): v for n, v in constant.items() if n.startswith(RESIDUAL)}
    codes = {n.removesuffix("_code"): v for n, v in constant.items() if n.endswith("_code")}
    columns = {n: v for n, v in constant.items() if not n.endswith("_code") and not n.startswith(RESIDUAL)}
    return Posterior(
        law,
        str(attributes["method"]),
        arrays("/posterior"),
        {name: tuple(labels) for name, labels in json.loads(attributes["levels"]).items()},
        {name: tuple(levels) for name, levels in json.loads(attributes["factors"]).items()},
        columns | {name: observed[name] for name in law.outcome},
        codes,
        Verdict.from_json(json.loads(attributes["verdict"])),
        provenance,
        arrays("/sample_stats"),
        arrays("/prior"),
        predictive,
        residuals or None,
        numbers,
        reliability,
    )
