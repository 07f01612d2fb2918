"""A posterior: the draws with everything needed to use them, and the file that holds it all.

The file is netCDF-4, laid out as ArviZ lays out inference data (posterior, sample_stats, prior, prior_predictive,
posterior_predictive, observed_data, constant_data), so that `arviz.from_netcdf` opens it too. The law travels as its
canonical YAML and is read by the same checked reader as any law: opening a fit runs no code from the file. Behind the
last byte that HDF5 reads stands a sha256 of all before it: HDF5 may read a damaged file forever, or read it wrongly.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lawdsl.errors import Fault, InputError, LawdslError, OutsideError, Span
from lawdsl.law import Law

from .verdict import Verdict

if TYPE_CHECKING:
    import xarray as xr

    from lawdsl.table import Table

    from .reliability import Reliability

Array = NDArray[np.float64]

FORMAT = "lawdsl fit 2"
SEAL = b"lawdsl sha256 "
RESIDUAL = "residual of "


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


@dataclass(frozen=True, eq=False)
class Posterior:
    """What a fit found.

    draws: parameter -> (chains, draws), or (chains, draws, levels) where it is grouped; a partially pooled `k` brings
    `k.center` and `k.spread`. For method "map" they are from the normal approximation at the mode, for "huber" there is
    one, for "bootstrap" one per resample. levels: grouped parameter -> its labels. factors: factor -> levels seen.
    stats: sampler statistics (chains, draws). prior: as draws, (1, draws, ...). predictive: "prior" and "posterior" ->
    response -> (draws, rows). columns, codes: the rows fitted to. residuals: of point fits, response -> (rows,) on the
    noise's scale, NaN where the response was not observed. reliability: what backtests on these rows found, if any.
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

    def predict(self, points: Any = None, *, level: float = 0.9, **at: Any) -> Any:
        """Predictions at points (`fitting.predictions.predict`); `.predict(N="70B", D="100T")` asks for one."""
        from .predictions import predict

        return predict(self, [at] if points is None else points, level=level)

    def to_xarray(self) -> xr.DataTree:
        """The groups as an xarray tree, as they stand in the file."""
        import xarray as xr

        dims = {name: (f"{name}_level",) for name in self.levels}
        coords = {f"{name}_level": list(labels) for name, labels in self.levels.items()}

        def dataset(values: Mapping[str, NDArray[Any]], leading: tuple[str, ...]) -> xr.Dataset:
            grouped = {n: dims.get(n, ()) if v.ndim > len(leading) else () for n, v in values.items()}
            variables = {n: ((*leading, *grouped[n]), v) for n, v in values.items()}
            used = {dim for d, _ in variables.values() for dim in d}
            return xr.Dataset(variables, coords={k: v for k, v in coords.items() if k in used})

        responses = list(self.law.outcome)
        residuals = self.residuals or {}
        groups: dict[str, xr.Dataset] = {
            "/": xr.Dataset(attrs=self._attributes()),
            "/posterior": dataset(self.draws, ("chain", "draw")),
            "/observed_data": xr.Dataset({name: ("row", self.columns[name]) for name in responses}),
            "/constant_data": xr.Dataset(
                {n: ("row", v) for n, v in self.columns.items() if n not in responses}
                | {f"{n}_code": ("row", v) for n, v in self.codes.items()}
                | {f"{RESIDUAL}{n}": ("row", v) for n, v in residuals.items()}
            ),
        }
        if self.stats:
            groups["/sample_stats"] = dataset(self.stats, ("chain", "draw"))
        if self.prior:
            groups["/prior"] = dataset(self.prior, ("chain", "draw"))
        for kind, values in self.predictive.items():
            replicated = {n: (("chain", "draw", "row"), v[None]) for n, v in values.items()}
            groups[f"/{kind}_predictive"] = xr.Dataset(replicated)
        return xr.DataTree.from_dict(groups)

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
        path = Path(path)
        tree = self.to_xarray()
        packed = {}
        for node in tree.subtree:
            packed[node.path] = {n: {"zlib": True, "complevel": 4} for n, v in node.data_vars.items() if v.size > 64}
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
            os.close(handle)
            tree.to_netcdf(temporary, engine="h5netcdf", encoding=packed)
            with open(temporary, "r+b") as file:
                file.write(SEAL + hashlib.file_digest(file, "sha256").digest())
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException as error:
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            if not isinstance(error, OSError):
                raise
            message = f"the fit cannot be written: {error.strerror or error}"
            raise OutsideError(Fault("FIT001", Span(str(path)), message, "Choose another place with --out.")) from None
        return path


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def open_fit(path: str | Path) -> Posterior:
    """Read a fit file. Raises: OutsideError (FIT002) where there is none, InputError (FIT003) where it is no fit."""
    import xarray as xr

    where = Span(str(path))
    if not Path(path).is_file():
        cure = "Make one: lawdsl fit LAW."
        raise OutsideError(Fault("FIT002", where, "there is no such fit file", cure))
    try:
        if not _sealed(path):
            raise ValueError("it is cut short, damaged, or was written by another program")
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            loaded = {node.path: node.to_dataset(inherit=False).load() for node in tree.subtree}
        return _from_groups(loaded)
    except LawdslError as error:
        faults = [
            Fault("FIT003", where, f"the law in this file is at fault: {f.message}", f.cure) for f in error.faults
        ]
        raise InputError(faults) from None
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        cure = "Fit again; a fit file is written by lawdsl fit, and is not to be edited."
        raise InputError(Fault("FIT003", where, f"not a fit file: {reason}", cure)) from None


def table_of(posterior: Posterior) -> Table:
    """The rows that a posterior was fitted to, as a bound table."""
    from lawdsl.table import Table

    told = posterior.provenance
    return Table(
        posterior.columns, posterior.codes, posterior.factors, told.rows, told.data, told.data_digest, told.notes
    )


def _sealed(path: str | Path) -> bool:
    """Whether the file ends with the sha256 of all before it."""
    content = memoryview(Path(path).read_bytes())
    end = max(0, len(content) - len(SEAL) - hashlib.sha256().digest_size)
    return content[end:] == SEAL + hashlib.sha256(content[:end]).digest()


def _from_groups(groups: Mapping[str, xr.Dataset]) -> Posterior:
    from lawdsl.library import parse

    attributes = groups["/"].attrs
    if attributes.get("format") != FORMAT:
        raise ValueError(f"its format is {attributes.get('format', 'not said')!r}, and {FORMAT!r} is read here")
    law = parse(str(attributes["law"]), "the law in the fit")
    plain = json.loads(attributes["provenance"])
    provenance = Provenance(
        str(plain["data"]), str(plain["data_digest"]), str(plain["law_digest"]), int(plain["rows"]),
        int(plain["seed"]), tuple(plain["versions"].items()), tuple(plain["settings"].items()), tuple(plain["notes"]),
    )  # fmt: skip

    def arrays(group: str) -> dict[str, NDArray[Any]]:
        dataset = groups.get(group)
        return {} if dataset is None else {str(n): np.asarray(v.values) for n, v in dataset.data_vars.items()}

    constant, observed = arrays("/constant_data"), arrays("/observed_data")
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
        reliability,
    )
