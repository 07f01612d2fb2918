"""Observations bound to a law: every variable, factor and the response found, converted, and held against the law.

>>> import lawdsl
>>> rows = {"N": [1e9, 7e9, 7e10], "D": ["20B", "140B", "1.4T"], "L": [2.5, 2.2, 1.97]}
>>> table = lawdsl.bind(lawdsl.load("chinchilla"), rows)
>>> table.rows, table.columns["D"].tolist()
(3, [20000000000.0, 140000000000.0, 1400000000000.0])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from . import limits
from .columns import evaluate_rows, numbers_of, texts_of
from .errors import Fault, LawError, Span, TableError, suggest
from .expression import Call, Comparison, Expression, Name, Text, walk
from .frames import Frame, read_frame
from .functions import SEQUENTIAL
from .grammar import parse_expression
from .law import FIRST, Data, Law, Sequence
from .rows import Table as Table
from .rows import digest_of
from .source import Scalar
from .units import Quantity, conversion


def read_table(source: object) -> Frame:
    """A table from a path, a catalogue id or a data frame, not yet bound to a law."""
    return read_frame(source)


def bind(
    law: Law,
    source: object = None,
    *,
    map: Mapping[str, str] | None = None,
    where: str | None = None,
    units: Mapping[str, Quantity] | None = None,
    drop_missing: bool | None = None,
    response: bool = True,
    errors: bool | None = None,
) -> Table:
    """The rows of `source` (path, catalogue id, frame; by default the law's own first table) as a `Table`.

    What is said here goes before what the law's `data` says of the same table. A name finds its column by `map`, by
    its own name, or by a map of the law's. `response=False` binds points to predict: no response and, unless `errors`,
    no standard errors. Of several responses a row may lack some, and in a law with a sequence all; the rows of a run
    are put in its order.

    Raises: TableError with every fault; OutsideError where the table cannot be had.
    """
    if source is None and not law.data:
        cure = "Give one: --data observations.csv, or a `data:` block in the law."
        raise TableError(Fault("TAB016", Span(law.name), "this law names no table", cure))
    known = next((d for d in law.data if source is None or d.table == str(source)), None)
    frame = read_frame(known.table if source is None and known else source)
    binding = _Binding(law, frame, known, dict(map or {}), dict(units or {}))
    chosen = where if where is not None else (known.where if known else None)
    drop = drop_missing if drop_missing is not None else bool(known and known.drop_missing)
    return binding.bind(chosen, drop, response, response if errors is None else errors)


class _Binding:
    """One binding at work; it collects faults and is thrown away."""

    def __init__(self, law: Law, frame: Frame, known: Data | None, map: dict[str, str], units: dict[str, Quantity]):
        self.law = law
        self.frame = frame
        self.map = {**(dict(known.map) if known else {}), **map}
        self.fallback = {name: column for data in reversed(law.data) for name, column in data.map}
        self.units = {**(dict(known.units) if known else {}), **units}
        self.fixed = known.fixed if known else ()
        self.faults: list[Fault] = []
        self.notes = [*frame.notes, *(f"{name} is held at {value:g} for this table" for name, value in self.fixed)]
        self.numbers: dict[str, np.ndarray] = {}
        self.bad: dict[str, list[tuple[int, str]]] = {}
        self.unreadable: set[int] = set()
        self.names = set(frame.arrow.column_names)

    def report(self, code: str, message: str, cure: str = "", row: int | None = None) -> None:
        line = 0 if row is None else row + 2  # the header is line 1
        self.faults.append(
            Fault(code, Span(self.frame.name, line if self.frame.name.endswith("sv") else 0), message, cure)
        )

    def stop_if_faulty(self) -> None:
        if self.faults:
            raise TableError(self.faults)

    def bind(self, where: str | None, drop: bool, response: bool, errors: bool) -> Table:
        law = self.law
        wanted = list(law.inputs) + (list(law.outcome) if response else [])
        optional = list(law.errors) if errors else []
        factors = [f for f in law.grouping]
        allowed = {*wanted, *law.errors, *law.outcome, *(f.name for f in law.factors), *law.variable}
        for name in self.map:
            if name not in allowed:
                self.report("TAB010", f"'{name}' in the map takes no column", suggest(name, allowed))
        keep = self.rows(where)
        columns = {name: self.column(name) for name in [*wanted, *optional]}
        texts = {name: self.factor(name, needed=response) for name in factors}
        self.stop_if_faulty()
        numbers = np.flatnonzero(keep) + 1
        found = {name: values[keep] for name, values in columns.items() if values is not None}
        words = {name: values[keep] for name, values in texts.items() if values is not None}
        self.cells(found, words, keep, drop)
        self.stop_if_faulty()
        if drop:
            full = np.ones(int(keep.sum()), bool)
            for name, values in found.items():
                full &= np.isfinite(values) | (name in self.may_lack)
            for text in words.values():
                full &= np.array([w is not None for w in text], bool)
            dropped = int((~full).sum())
            if dropped:
                self.notes.append(f"{dropped} of {full.size} rows dropped: a value is missing")
            found = {name: values[full] for name, values in found.items()}
            words = {name: values[full] for name, values in words.items()}
            numbers = numbers[full]
        rows = len(next(iter(found.values())))
        if rows == 0:
            self.report("TAB014", "no row is left", "Loosen the filter, or look at the missing values.")
            self.stop_if_faulty()
        codes, levels = self.levels(words)
        self.stop_if_faulty()
        if response and self.may_lack and not any(np.isfinite(found[name]).any() for name in law.outcome):
            self.report("TAB007", "no row has a response", "Map the columns of the responses.")
            self.stop_if_faulty()
        if law.sequence is not None and response:
            order = in_order(law.sequence, found, codes)
            found, codes = ({name: x[order] for name, x in part.items()} for part in (found, codes))
            numbers = numbers[order]
        if law.sequence is not None and law.sequence.along in codes:
            found[FIRST] = beginnings(codes[law.sequence.along])
        digest = digest_of(found, codes, levels)
        return Table(found, codes, levels, rows, self.frame.name, digest, tuple(self.notes), self.fixed, numbers)

    @property
    def may_lack(self) -> frozenset[str]:
        """The columns in which a row may have no value: responses that are one of several, or along a run."""
        several = len(self.law.outcomes) > 1 or self.law.sequence is not None
        own = set(self.law.outcome) | {o.noise.error for o in self.law.outcomes if o.noise.error}
        return frozenset(own) if several else frozenset()

    def rows(self, where: str | None) -> np.ndarray:
        """Which rows the filter keeps."""
        count = self.frame.arrow.num_rows
        keep = np.ones(count, bool)
        if where is None:
            return keep
        tree = self.parse(where, "the filter", "TAB011")
        if tree is None:
            return keep
        if not isinstance(tree, Comparison):
            self.report("TAB011", f"the filter '{where[:80]}' compares nothing", "Write bits < 5 or scheme == 'rtn'.")
            return keep
        texts = {side.name for node in walk(tree) if isinstance(node, Comparison) for side in self._text_sides(node)}
        values = {}
        for name in sorted(tree.names()):
            values[name] = texts_of(self.frame.arrow[name]) if name in texts else self.cells_of(name)
        self.note_bad(tree.names() - texts)
        self.stop_if_faulty()
        try:
            if any(isinstance(part, Text) for node in walk(tree) if not _equates(node) for part in node.parts):
                raise TypeError  # as numpy does where a column of texts meets a number
            kept = np.asarray(evaluate_rows(tree, values), dtype=bool)
        except TypeError:
            cure = "Texts can be held equal or unequal: scheme == 'rtn'."
            self.report("TAB011", f"the filter '{where[:80]}' computes with a text", cure)
            self.stop_if_faulty()
        keep = np.broadcast_to(kept, (count,))
        if not keep.all():
            self.notes.append(f"{int(keep.sum())} of {count} rows kept by where: {where}")
        return keep

    @staticmethod
    def _text_sides(node: Comparison) -> Iterable[Name]:
        """Names compared with a quoted text: their column is read as texts."""
        if any(isinstance(part, Text) for part in node.parts):
            return [part for part in node.parts if isinstance(part, Name)]
        return []

    def parse(self, text: str, what: str, code: str) -> Expression | None:
        """An expression over the table's columns."""
        try:
            tree = parse_expression(Scalar(text, Span(what, 1, 1, text)))
        except LawError as error:
            self.faults.extend(Fault(code, f.where, f.message, f.cure) for f in error.faults)
            return None
        called = [part.function for part in walk(tree) if isinstance(part, Call)]
        for function in called:
            if function in SEQUENTIAL or function == "root":
                self.report(code, f"{what} '{text[:80]}' calls {function}", "It is for the law's equation.")
                return None
        unknown = sorted(tree.names() - self.names)
        for name in unknown:
            self.report(code, f"{what} '{text[:80]}' names '{name}', which is no column", suggest(name, self.names))
        return None if unknown else tree

    def cells_of(self, column: str) -> np.ndarray:
        if column not in self.numbers:
            self.numbers[column], bad = numbers_of(self.frame.arrow[column])
            if bad:
                self.bad[column] = bad
        return self.numbers[column]

    def note_bad(self, columns: Iterable[str], keep: np.ndarray | None = None) -> None:
        """Cells that are no numbers, once each, as far as the filter keeps their rows."""
        for column in columns:
            bad = [(r, t) for r, t in self.bad.pop(column, []) if keep is None or keep[r]]
            self.unreadable.update(row for row, _ in bad)
            for row, text in bad[: limits.TABLE_FAULTS]:
                message = f"row {row + 1}, column '{column}': '{text[:40]}' is not a number"
                self.report("TAB006", message, "Numbers are written 0.5, 1e24, 7B or 100T.", row)
            if len(bad) > limits.TABLE_FAULTS:
                self.report("TAB006", f"{len(bad) - limits.TABLE_FAULTS} more cells of '{column}' are not numbers")

    def home(self, name: str) -> str | None:
        """The column, or expression of columns, that a name is read from."""
        if name in self.map:
            return self.map[name]
        if name in self.names:
            return name
        other = self.fallback.get(name)
        return other if other in self.names else None

    def column(self, name: str) -> np.ndarray | None:
        """A name's numbers in the law's unit, over all rows."""
        law, home = self.law, self.home(name)
        if home is None:
            cure = f"Say which it is: --map {name}=COLUMN. {suggest(name, self.names)}"
            self.report("TAB005", f"no column for '{name}'", cure)
            return None
        of = law.errors.get(name, name)  # a standard error is in the unit of what it is of
        wanted = law.variable[of].quantity if of in law.variable else law.outcome[of].response.quantity
        if home in self.names:
            values = self.cells_of(home)
            found, scale = self.frame.quantities.get(home, (None, 1.0))
            if name in self.units:
                found, scale = self.units[name], 1.0
            if found is None:
                return values
            factor = conversion(found, wanted)
            if factor is None:
                cure = "Map a column of that quantity, or an expression that makes one: --map N=n_params-n_embedding."
                self.report("TAB009", f"column '{home}' holds {found}, and '{name}' is in {wanted}", cure)
                return None
            if factor * scale != 1.0:
                unit = f"{scale:g} {found}" if scale != 1.0 else str(found)
                self.notes.append(f"{name}: {home} converted from {unit} to {wanted}")
            return values * (factor * scale)
        tree = self.parse(home, f"the map of '{name}'", "TAB010")
        if tree is None:
            return None
        if any(isinstance(node, Text) for node in walk(tree)):
            self.report("TAB010", f"the map '{home[:80]}' of '{name}' holds a text", "Map numbers, or filter by texts.")
            return None
        values = evaluate_rows(tree, {column: self.cells_of(column) for column in tree.names()})
        values = np.broadcast_to(np.asarray(values, dtype=np.float64), (self.frame.arrow.num_rows,))
        stated = self.units.get(name)
        factor = conversion(stated, wanted) if stated else 1.0
        if factor is None:
            self.report("TAB009", f"'{name}' is in {wanted}, not {stated}", "No conversion is known between them.")
            return None
        return values * factor

    def factor(self, name: str, needed: bool) -> np.ndarray | None:
        """A factor's texts over all rows."""
        home = self.home(name)
        if home is None or home not in self.names:
            if needed:
                cure = f"Say which it is: --map {name}=COLUMN. {suggest(home or name, self.names)}"
                self.report("TAB005", f"no column for the factor '{name}'", cure)
            return None
        return texts_of(self.frame.arrow[home])

    def cells(self, found: dict[str, np.ndarray], words: dict[str, np.ndarray], keep: np.ndarray, drop: bool) -> None:
        """Missing values and values outside their domain, by row and column."""
        rows = np.flatnonzero(keep)
        self.note_bad(list(self.bad), keep)
        outside: list[tuple[int, str, float, str]] = []
        for name, values in found.items():
            gaps = np.flatnonzero(~np.isfinite(values))
            missing = np.array([i for i in gaps if rows[i] not in self.unreadable], dtype=int)
            if missing.size and not drop and name not in self.may_lack:
                first = ", ".join(str(rows[i] + 1) for i in missing[:8]) + (", ..." if missing.size > 8 else "")
                cure = "Fill it in, filter it out (--where), or drop such rows (--drop-missing)."
                message = f"'{name}' has no finite value in {missing.size} rows: {first}"
                self.report("TAB007", message, cure, int(rows[missing[0]]))
            bad, wanted = self.outside(name, values)
            for i in np.flatnonzero(bad):
                huge = limits.NUMBER_MAGNITUDE < values[i] < np.inf
                outside.append((int(rows[i]), name, float(values[i]), _SIZE if huge else wanted))
        for name, text in words.items():
            empty = [int(rows[i]) for i, word in enumerate(text) if word is None]
            if empty and not drop:
                self.report("TAB007", f"the factor '{name}' is empty in {len(empty)} rows", "Fill it in.", empty[0])
        for row, name, value, wanted in outside[: limits.TABLE_FAULTS]:
            self.report("TAB008", f"row {row + 1}, '{name}': {value:g} is not {wanted}", _CURE[wanted], row)
        if len(outside) > limits.TABLE_FAULTS:
            self.report("TAB008", f"{len(outside) - limits.TABLE_FAULTS} more values are outside their domain")

    def outside(self, name: str, values: np.ndarray) -> tuple[np.ndarray, str]:
        variable = self.law.variable.get(name)
        with np.errstate(invalid="ignore"):
            huge = np.abs(values) > limits.NUMBER_MAGNITUDE
            if name in self.law.errors:
                return (values < 0) | huge, "a standard error (zero or more)"
            if variable is None:
                noise = self.law.outcome[name].noise
                if noise.on == "log":
                    return (values <= 0) | huge, "positive, and this law's noise is on the log"
                if noise.on == "logit" or noise.family == "beta":
                    return (values <= 0) | (values >= 1), "between 0 and 1, and this law's noise is on the logit"
                if noise.family in ("binomial", "beta-binomial"):
                    return (values < 0) | (values > 1), "between 0 and 1"
                if noise.family == "poisson":
                    return (values < 0) | (values != np.rint(values)) & np.isfinite(values) | huge, "a count"
                return huge, _SIZE
            if variable.domain == "positive":
                return (values <= 0) | huge, "positive"
            if variable.domain == "unit":
                return (values < 0) | (values > 1), "between 0 and 1"
            return huge, _SIZE

    def levels(self, words: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
        codes, levels = {}, {}
        for name, text in words.items():
            allowed = self.law.factor[name].levels
            present = set(text.tolist())
            unknown = sorted(present - set(allowed)) if allowed else []
            for level in unknown[: limits.TABLE_FAULTS]:
                cure = f"Add it to the factor's levels, or filter it out. {suggest(level, allowed)}"
                self.report("TAB012", f"'{level}' is not a level of '{name}'", cure)
            if len(present) > limits.FACTOR_LEVELS:
                self.report("TAB013", f"'{name}' has {len(present)} levels", f"At most {limits.FACTOR_LEVELS}.")
            ordered = [level for level in allowed if level in present] if allowed else sorted(present, key=_natural)
            index = {level: i for i, level in enumerate(ordered)}
            codes[name] = np.array([index.get(word, 0) for word in text], dtype=np.int64)
            levels[name] = tuple(ordered)
        return codes, levels


_SIZE = "a number of reasonable size"
_CURE = {
    "positive": "Counts and sizes are positive; filter the row out (--where) or mend it.",
    "positive, and this law's noise is on the log": "Filter the row out, or put the noise `on: identity`.",
    "between 0 and 1, and this law's noise is on the logit": "Divide percentages by 100 in the map.",
    "between 0 and 1": "Divide percentages by 100 in the map.",
    "a count": "Counts are whole numbers, zero or more.",
    "a standard error (zero or more)": "Mend it, or leave `error` out of the noise.",
    _SIZE: f"Magnitudes stay below {limits.NUMBER_MAGNITUDE:g}.",
}


def in_order(sequence: Sequence, columns: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """The rows run by run, those of each in the order of its steps: their indices."""
    return np.lexsort((columns[sequence.by], codes[sequence.along]))


def beginnings(runs: np.ndarray) -> np.ndarray:
    """1 in the first of the rows that follow each other in one run, else 0."""
    first = np.ones(len(runs))
    first[1:] = runs[1:] != runs[:-1]
    return first


def _equates(node: Expression) -> bool:
    return isinstance(node, Comparison) and node.sign in ("==", "!=")


def _natural(level: str) -> tuple[int, float, str]:
    """Numbers in their order, then texts in theirs."""
    from .numbers import parse_number

    number = parse_number(level)
    return (1, 0.0, level) if number is None else (0, number, level)
