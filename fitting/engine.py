"""Fitting: a law and a table in, a posterior out, by one of four methods.

nuts       the posterior: starts, whitening at the mode, numpyro's NUTS, verdict
map        the mode of the posterior with its normal approximation
huber      the point fit of papers (`fitting.robust`)
bootstrap  the same refitted to resampled rows
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lawdsl import limits
from lawdsl.errors import Fault, InputError, Span
from lawdsl.law import Law
from lawdsl.library import load
from lawdsl.table import Table, bind

from . import outcomes, verdict
from .model import Model, scale_of
from .posterior import METHODS, Posterior, Provenance
from .verdict import Verdict

if TYPE_CHECKING:
    from .identify import Identified
    from .sample import Chains, Draws, Settings
    from .start import Optimum
    from .whiten import Whitening

Array = NDArray[np.float64]
Method = Literal["nuts", "map", "huber", "bootstrap"]
Progress = Callable[[str, int, int], None]

STARTS = 32
PRIOR_DRAWS = 1000
PREDICTIVE_DRAWS = 500  # kept in the file for checks; predictions use every posterior draw
PREDICTIVE_VALUES = 4_000_000  # at most, of a response: fewer draws of many rows
LAPLACE_DRAWS = 2000
PATTERN_DRAWS = 200
#: below this share of starts at the best optimum the verdict says so
AGREEMENT = 0.1


def fit(
    law: Law | str,
    data: object = None,
    *,
    map: Mapping[str, str] | None = None,
    where: str | None = None,
    drop_missing: bool | None = None,
    method: Method = "nuts",
    seed: int = 0,
    chains: int = 4,
    warmup: int | None = None,
    draws: int = 1000,
    progress: Progress | None = None,
) -> Posterior:
    """Fit a law (or the law of that name or path) to a table: a bound `Table`, a path, a catalogue id or a data frame;
    by default the table the law names.

    The same law, rows, seed and settings give the same draws. `warmup` and `draws` are per chain. `progress(stage,
    done, total)` is called as work goes on.
    Raises: InputError for a law or table at fault, or more unknowns than a table of that size can be sampled with.
    """
    if isinstance(law, str):
        law = load(law)
    table = data if isinstance(data, Table) else bind(law, data, map=map, where=where, drop_missing=drop_missing)
    _refuse(law, method, seed, chains, draws)
    model = Model(law.holding(dict(table.fixed)), table)
    tell = progress or (lambda stage, done, total: None)
    if method == "nuts":
        return _nuts(model, seed, chains, warmup, draws, tell)
    if method == "map":
        return _map(model, seed, tell)
    return _robust(model, method, seed, tell)


def _refuse(law: Law, method: str, seed: int, chains: int, draws: int) -> None:
    faults = []
    if method not in METHODS:
        faults.append(Fault("FIT010", Span(law.name), f"no method '{method}'", f"Methods: {', '.join(METHODS)}."))
    if not (1 <= chains <= limits.CHAINS and 4 <= draws <= limits.DRAWS):
        faults.append(
            Fault(
                "FIT011",
                Span(law.name),
                f"{chains} chains of {draws} draws",
                f"1 to {limits.CHAINS} chains, 4 to {limits.DRAWS:,} draws.",
            )
        )
    if seed < 0:
        faults.append(Fault("FIT011", Span(law.name), f"seed {seed}", "A seed is zero or a positive integer."))
    if law.status == "bound":
        faults.append(
            Fault(
                "FIT012",
                Span(law.name),
                f"{law.name} is a bound, not a law to fit",
                f"`lawdsl check {law.name} --published` evaluates it.",
            )
        )
    if faults:
        raise InputError(faults)


def _start(model: Model, seed: int, tell: Progress) -> tuple[Any, Array]:
    """The mode of the posterior and draws of the prior."""
    from .search import mode

    tell("searching for the mode", 0, 1)
    prior = model.prior_draws(PRIOR_DRAWS, seed)
    try:
        optimum = mode(model, prior[:STARTS], prior, seed=seed)
    except ValueError:
        message = "the posterior has no finite density at any start from the prior"
        cure = "Check units and priors: the law may overflow, or be negative where its log is taken."
        raise InputError(Fault("FIT013", Span(model.law.name), message, cure)) from None
    tell("searching for the mode", 1, 1)
    return optimum, prior


def started(model: Model, seed: int, tell: Progress) -> tuple[Model, Optimum, Array]:
    """The model to sample, in the coordinates that suit its rows, with the mode and draws of the prior there."""
    from .centring import centred, moved
    from .search import mode_near

    optimum, prior = _start(model, seed, tell)
    other = centred(model, optimum)
    if other is model:
        return model, optimum, prior
    prior = other.prior_draws(PRIOR_DRAWS, seed)
    again = mode_near(other, moved(optimum.position, model, other), prior)
    return other, replace(again, agreement=optimum.agreement), prior


def _nuts(model: Model, seed: int, chains: int, warmup: int | None, draws: int, tell: Progress) -> Posterior:
    from . import checks
    from .identify import identify
    from .sample import Settings
    from .whiten import laplace

    model, optimum, prior = started(model, seed, tell)
    settings = Settings(chains=chains, draws=draws, seed=seed)
    if warmup is not None:
        settings = Settings(chains=chains, warmup=warmup, draws=draws, seed=seed)
    whitening = laplace(optimum, scale=scale_of(prior))
    design = identify(model, np.concatenate([optimum.position[None], prior[:3]]))
    found, told, repairs = _sampled(model, whitening, settings, prior, design, tell)
    values = _values(model, found.positions)
    told = replace(told, notes=(*repairs, *told.notes))
    told = _with_modes(model, told, optimum, found.positions)
    told = replace(told, notes=(*told.notes, *_patterns(model, values), *checks.notes(model, values, seed)))
    told = _with_units(model, told, optimum, seed)
    told = _with_starts(told, optimum.agreement)
    kept: dict[str, object] = {"warmup": settings.warmup, "draws": settings.draws, "chains": settings.chains}
    return _posterior(model, "nuts", values, found.stats, told, seed, prior, kept)


def _sampled(
    model: Model, whitening: Whitening, settings: Settings, prior: Array, design: Identified, tell: Progress
) -> tuple[Draws, Verdict, tuple[str, ...]]:
    """Draws with their verdict, more or others where the first are not to be believed; and what was done, in words."""
    from . import repair
    from .sample import warmed

    potential, identity = model.potential(), f"posterior:{model.identity}"

    def telling(stage: str, count: int) -> Callable[[int, int], None]:
        tell(stage, 0, settings.chains * count)  # compiling comes before the first draw
        return lambda done, total: tell(stage, done, total)

    def begun(whitening: Whitening, settings: Settings, stage: str) -> Chains:
        progress = telling(stage, settings.warmup + settings.draws)
        return warmed(potential, model.data, whitening, settings, identity=identity, progress=progress)

    def judged(found: Draws) -> tuple[Verdict, dict[str, Array]]:
        scalars = _scalars(model, _values(model, found.positions))
        told = verdict.of_sample(
            model.law, scalars, found.stats, settings.max_tree_depth, found.positions, prior, _labels(model), design
        )
        return told, scalars

    chains = begun(whitening, settings, "sampling")
    found = chains.draw(settings.draws)
    told, scalars = judged(found)
    if told.ok or settings.chains == 1:
        return found, told, ()
    what = repair.trouble(scalars, found.stats, settings.max_tree_depth)
    if not what:
        return found, told, ()
    if what.short:
        progress = telling("sampling on", settings.draws * (what.times - 1))
        found, said = repair.longer(found, chains, what, progress)
    else:
        whitening, after, said = repair.anew(found, what, settings)
        found = repair.thinned(begun(whitening, after, "sampling again").draw(after.draws), repair.ANEW)
    return found, judged(found)[0], (said,)


def _map(model: Model, seed: int, tell: Progress) -> Posterior:
    from . import checks
    from .identify import identify
    from .whiten import laplace

    optimum, prior = _start(model, seed, tell)
    whitening = laplace(optimum, scale=scale_of(prior))
    random = np.random.default_rng([seed, 4])
    positions = whitening.to_position(random.standard_normal((1, LAPLACE_DRAWS, model.width)))
    values = _values(model, positions)
    reasons = [] if optimum.converged else ["the search for the mode did not come to rest"]
    if whitening.repaired:
        reasons.append(f"the posterior is flat in {whitening.repaired} directions at its mode")
    design = identify(model, np.concatenate([optimum.position[None], prior[:3]]))
    reasons += verdict.of_information(model.law, positions[0], prior, _labels(model), design)
    said = "a normal approximation at the mode: use --method nuts to sample the posterior itself"
    notes = (*_patterns(model, values), *checks.notes(model, values, seed))
    told = _with_units(model, Verdict(not reasons, tuple(reasons), notes), optimum, seed)
    told = _with_starts(replace(told, notes=(said, *told.notes)), optimum.agreement)
    told = _with_modes(model, told, optimum, positions)
    return _posterior(model, "map", values, {}, told, seed, prior, {"draws": LAPLACE_DRAWS})


def _robust(model: Model, method: Method, seed: int, tell: Progress) -> Posterior:
    from .robust import DELTA, RESAMPLES, different_rows, fit_huber

    tell("searching for the optimum", 0, 1)
    try:
        found = fit_huber(model, seed, RESAMPLES if method == "bootstrap" else 0)
    except ValueError:
        message = "Huber's loss is finite at none of the starts from the prior"
        cure = "Check units and priors: the law may overflow, or be negative where its log is taken."
        raise InputError(Fault("FIT013", Span(model.law.name), message, cure)) from None
    tell("searching for the optimum", 1, 1)
    values = _values(model, found.resamples[None])
    noise_only = set(model.law.parameter) - model.law.needs(*(o.equation for o in model.law.outcomes))
    values = {n: v for n, v in values.items() if n not in noise_only and "." not in n}
    values = {n: v for n, v in values.items() if model.law.parameter[n].center is None}
    reasons = [] if found.optimum.converged else ["the search for the optimum did not come to rest"]
    sought, distinct = model.width - len(noise_only), different_rows(model)
    if distinct < sought:
        reasons.append(f"{sought} constants from {distinct} different rows: others fit them as well (lawdsl identify)")
    if found.arrived < 0.9:
        reasons.append(f"only {found.arrived:.0%} of the refits came to rest")
    notes = ["a point fit: it has no interval of its own"] if method == "huber" else []
    told = _with_starts(Verdict(not reasons, tuple(reasons), tuple(notes)), found.optimum.agreement)
    settings = {"delta": DELTA, "objective": repr(found.optimum.value)}
    return _posterior(model, method, values, {}, told, seed, None, settings, found.residuals)


def _patterns(model: Model, values: Mapping[str, Array]) -> tuple[str, ...]:
    """What the residuals of the law's posterior mean still hold of the variables.

    The mean is of the law's values, not the law's value at mean parameters, which lie off a curved ridge.
    """
    from .pattern import patterns

    count = max(10, min(PATTERN_DRAWS, PREDICTIVE_VALUES // model.table.rows))
    flat = {n: v.reshape(-1, *v.shape[2:]) for n, v in values.items()}
    chosen = np.linspace(0, len(next(iter(flat.values()))) - 1, count).astype(int)
    drawn = model.at_rows({n: v[chosen] for n, v in flat.items()})
    rows = {name: {what: value.mean(axis=0) for what, value in one.items()} for name, one in drawn.items()}
    inputs = {name: model.table.columns[name] for name in model.law.inputs}
    notes: list[str] = []
    for name, outcome in model.law.outcome.items():
        if outcome.noise.correlation is not None:  # a run's residuals go together: the threshold is not theirs
            continue
        data = model.data["outcomes"][name]
        seen = data["seen"] > 0 if "seen" in data else np.ones(model.table.rows, bool)
        residuals = (data["observed"] - rows[name]["location"]) / outcomes.spread(outcome, rows[name], data)
        found = patterns({n: x[seen] for n, x in inputs.items()}, residuals[seen])
        notes += [f"{name}: {note}" for note in found] if len(model.law.outcomes) > 1 else found
    return tuple(notes)


def _with_modes(model: Model, told: Verdict, optimum: Optimum, positions: Array) -> Verdict:
    """The verdict, with the optima that the starts found and the draws (chains, draws, width) left out."""
    from .modes import modes, reason, unsampled

    found = modes(optimum)
    missed = unsampled(found, positions.reshape(-1, model.width))
    return replace(told, ok=False, reasons=(*told.reasons, reason(model, found, missed))) if missed else told


def _with_units(model: Model, told: Verdict, optimum: Optimum, seed: int) -> Verdict:
    """The verdict of a fit in trouble, with rows that are in another unit than the rest."""
    if told.ok and not told.notes:
        return told
    from . import checks, swapped

    found = swapped.swapped(model, optimum.position, seed)
    if found is None:
        return told
    reason = swapped.reason(model, found, checks.named(model, found.rows))
    return replace(told, ok=False, reasons=(reason, *told.reasons))


def _with_starts(told: Verdict, agreement: float) -> Verdict:
    if agreement >= AGREEMENT:
        return told
    note = f"only {agreement:.0%} of the starts ended at the best optimum: there are others, and narrower priors help"
    return Verdict(told.ok, told.reasons, (*told.notes, note))


def _values(model: Model, positions: Array) -> dict[str, Array]:
    """Constrained draws (chains, draws[, levels]) by parameter, in the order of the law."""
    values, _ = model.unpack(positions, np)
    order = [name for p in model.law.parameters for name in (p.name, f"{p.name}.center", f"{p.name}.spread")]
    return {name: np.asarray(values[name]) for name in order if name in values}


def _scalars(model: Model, values: Mapping[str, Array]) -> dict[str, Array]:
    found = {}
    for name, draws in values.items():
        if draws.ndim == 2:
            found[name] = draws
        else:
            found |= {f"{name}[{label}]": draws[..., i] for i, label in enumerate(model.groupings[name].labels)}
    return found


def _labels(model: Model) -> list[str]:
    """The full name of every entry of the unconstrained vector; those of populations count as no parameter's own."""
    names = []
    for block in model.blocks:
        if block.role == "value" and not model.law.parameter[block.parameter].grouped:
            names.append(block.parameter)
        elif block.role == "value":
            names += [f"{block.parameter}[{label}]" for label in model.groupings[block.parameter].labels]
        else:
            names += [f"{block.parameter}.{block.role}.{i}" for i in range(block.size)]
    return names


def _posterior(
    model: Model, method: str, values: dict[str, Array], stats: Mapping[str, Any], told: Verdict, seed: int,
    prior: Array | None, settings: Mapping[str, object], residuals: Mapping[str, Array] | None = None,
) -> Posterior:  # fmt: skip
    from lawdsl.render import digest

    law, table = model.law, model.table
    provenance = Provenance(
        table.source, table.digest, digest(law), table.rows, seed, _versions(),
        tuple((name, str(value)) for name, value in settings.items()), table.notes,
    )  # fmt: skip
    predictive = {}
    if prior is not None:
        flat = {n: v.reshape(-1, *v.shape[2:]) for n, v in values.items()}
        count = max(10, min(PREDICTIVE_DRAWS, PREDICTIVE_VALUES // table.rows))
        chosen = np.linspace(0, len(next(iter(flat.values()))) - 1, count).astype(int)
        before = {n: v[:count] for n, v in _values(model, prior).items()}
        predictive["posterior"] = _predictive(model, {n: v[chosen] for n, v in flat.items()}, seed)
        predictive["prior"] = _predictive(model, before, seed)
    return Posterior(
        law, method, values, {name: g.labels for name, g in model.groupings.items() if name in values},
        table.levels, table.columns, table.codes, told, provenance, stats,
        {} if prior is None else {n: v[None] for n, v in _values(model, prior).items()}, predictive, residuals,
        table.numbers,
    )  # fmt: skip


def _predictive(model: Model, values: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """Replicated observations (draws, rows) of every response for the very rows of the table."""
    rows = model.at_rows(values)
    random = np.random.default_rng([seed, 5])
    return {
        name: outcomes.replicate(outcome, rows[name], model.data["outcomes"][name], random)
        for name, outcome in model.law.outcome.items()
    }


def _versions() -> tuple[tuple[str, str], ...]:
    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    packages = ("lawdsl", "jax", "jaxlib", "numpyro", "numpy", "scipy", "sympy", "arviz", "xarray")
    return (("python", platform.python_version()), *((package, of(package)) for package in packages))
