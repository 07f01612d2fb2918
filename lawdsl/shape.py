"""The form of a law file: which keys there are, what each holds, and what it is for.

One declaration serves the reader (`read`), which reports every deviation at its place, and `lawdsl.schema`, which
turns it into the JSON Schema that editors complete and check with.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import Fault, Span, suggest
from .law import COUNTED, SCALED
from .numbers import parse_number
from .source import Listing, Mapping, Node, Scalar


@dataclass(frozen=True)
class Words:
    """A text. `what` names it in messages: a text, an expression, a name, one of several choices, a number."""

    what: str = "a text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Many:
    """A list of items of one shape; where `one` is set, a single item may stand for a list of one."""

    item: Shape
    one: bool = False


@dataclass(frozen=True)
class Named:
    """A mapping from names of the writer's choice to values of one shape. `about` says what the names are."""

    value: Shape
    names: str = "a name"


@dataclass(frozen=True)
class Entry:
    """A key of a block."""

    shape: Shape
    about: str
    required: bool = False


@dataclass(frozen=True)
class Block:
    """A mapping with a closed set of keys. `rest`, where given, is the shape of any other key's value."""

    entries: dict[str, Entry] = field(hash=False)
    rest: Shape | None = None
    short: Shape | None = None  # what may stand in the block's place


@dataclass(frozen=True)
class OneOrNamed:
    """A block, or several of them by names of the writer's choice."""

    block: Block
    names: str

    def choose(self, node: Node) -> Shape:
        """Which of the two a node is: several where every value is a mapping."""
        several = isinstance(node, Mapping) and node.entries and all(isinstance(v, Mapping) for _, v in node)
        return Named(self.block, self.names) if several else self.block


Shape = Words | Many | Named | Block | OneOrNamed

TEXT = Words()
NAME = Words("a name")
NUMBER = Words("a number")
EXPRESSION = Words("an expression")
UNIT = Words("a unit")
KIND = Words("a kind")
FAMILY = Words("a family of noise", (*SCALED, *COUNTED))
PRIOR = Words("a prior")
PAIR = Many(NUMBER)
YES = Words("yes", ("yes", "true", "True"))
STATUS = Words("a status", ("published", "recalled", "form-only", "hypothesis", "bound"))
TOPIC = Words("a topic", (
    "pretraining", "data", "repetition", "mixture", "vocabulary", "quantization", "precision", "sparsity", "experts",
    "distillation", "fine-tuning", "downstream", "inference", "hyperparameters", "schedule", "vision", "multimodal",
    "translation", "time series", "robotics", "science", "knowledge", "safety", "theory", "form",
))  # fmt: skip
VALUE = Words("a number, or a number ± its standard error")
VALUE_KEYS = {
    "value": Entry(NUMBER, "the number"),
    "se": Entry(NUMBER, "its standard error"),
    "interval": Entry(PAIR, "[low, high]"),
    "level": Entry(NUMBER, "the interval's probability, such as 0.95"),
    "status": Entry(STATUS, "where it is not the set's"),
}

NOISE = Block({
    "family": Entry(FAMILY, "the distribution of observations", required=True),
    "on": Entry(Words("a scale", ("identity", "log", "logit")), "their scale; identity unless said"),
    "scale": Entry(EXPRESSION, "their standard deviation on that scale"),
    "error": Entry(NAME, "a column of known standard errors, in the response's unit"),
    "df": Entry(EXPRESSION, "student-t: degrees of freedom; 4 unless said"),
    "delta": Entry(NUMBER, "huber: where it turns linear, in scales; 1.345 unless said"),
    "concentration": Entry(EXPRESSION, "beta, beta-binomial: sum of the two shapes; the larger, the less scatter"),
    "trials": Entry(EXPRESSION, "binomial, beta-binomial: how many trials the response is the share of"),
    "correlation": Entry(EXPRESSION, "of neighbouring rows of a run, between 0 and 1"),
})  # fmt: skip

LAW = Block({
    "law": Entry(NAME, "the law's name: letters, digits, - and _", required=True),
    "title": Entry(TEXT, "one line for lists and headings"),
    "source": Entry(Named(TEXT, "arxiv, equation, year, title, authors, venue"), "where the law is from"),
    "status": Entry(STATUS, "how far the law and its constants can be relied on"),
    "topics": Entry(Many(TOPIC, one=True), "what it is about, for lists"),
    "about": Entry(TEXT, "what the law says, and what a user should know first"),
    "index": Entry(Named(Many(TEXT, one=True), "an index"), "indices of families: {i: 3, part: [web, code]}"),
    "use": Entry(Named(Block({
        "law": Entry(TEXT, "the other law's name or path", required=True),
        "set": Entry(NAME, "fix its parameters at this published set"),
        "share": Entry(Many(NAME), "parameters it has in common with this law, under their own names"),
        "variables": Entry(Named(EXPRESSION, "a variable of the other law"), "what to give it, where names differ"),
    }, short=TEXT), "the name its value has here"), "other laws, as values; their parameters become NAME_parameter"),
    "variables": Entry(Named(Block({
        "unit": Entry(UNIT, "what the number counts", required=True),
        "kind": Entry(KIND, "which of the unit's numbers it is, where there are several"),
        "about": Entry(TEXT, "what the variable is"),
        "is": Entry(EXPRESSION, "how it follows from other variables"),
        "domain": Entry(Words("a domain", ("positive", "real", "unit")), "its values; positive unless said"),
        "range": Entry(PAIR, "the range the source fitted, [low, high]"),
        "error": Entry(NAME, "a column of known standard errors, in the variable's unit"),
    }), "a variable's name"), "the covariates of the law", required=True),
    "response": Entry(Named(Block({
        "unit": Entry(UNIT, "what the number counts", required=True),
        "kind": Entry(KIND, "as for variables"),
        "about": Entry(TEXT, "what the response is"),
    }), "the response's name"), "the quantity the law predicts, or several", required=True),
    "sequence": Entry(Block({
        "along": Entry(NAME, "the factor whose levels are runs", required=True),
        "by": Entry(NAME, "the variable that orders the rows of a run, such as steps", required=True),
    }), "rows that follow each other, for cumsum, previous and recur"),
    "factors": Entry(Named(Block({
        "levels": Entry(Many(TEXT, one=True), "the levels there are; any, unless said"),
        "about": Entry(TEXT, "what the factor is"),
    }, short=Many(TEXT, one=True)), "a factor's name"), "discrete columns: `any`, or the list of their levels"),
    "parameters": Entry(Named(Block({
        "prior": Entry(PRIOR, "a distribution, such as LogNormal(log(0.3), 0.5)"),
        "between": Entry(PAIR, "[low, high], the central 90 % of the prior; log-normal if both are positive"),
        "bounds": Entry(PAIR, "[low, high], an interval it cannot leave; inf and -inf are allowed"),
        "fixed": Entry(NUMBER, "a number it is held at"),
        "tied": Entry(EXPRESSION, "another parameter, or an expression of parameters, it always equals"),
        "by": Entry(Many(NAME, one=True), "a factor (or several): a value for every level"),
        "pool": Entry(Words("a pooling", ("none", "partial", "full")), "how its levels relate; none unless said"),
        "center": Entry(NUMBER, "with pool partial: the levels scatter about this number, not an estimated one"),
        "spread": Entry(PRIOR, "with pool partial: prior of the sd between levels; HalfNormal(0.5) unless said"),
        "about": Entry(TEXT, "what the parameter is"),
    }), "a parameter's name"), "the unknown numbers of the law", required=True),
    "order": Entry(Many(Many(NAME, one=True), one=True), "parameters in ascending order: [d1, d2]"),
    "let": Entry(Named(EXPRESSION, "a name"), "intermediate expressions by name"),
    "equation": Entry(Many(EXPRESSION, one=True), "response = expression; of several a list", required=True),
    "noise": Entry(OneOrNamed(NOISE, "a response"), "how observations scatter about the law; of several by name"),
    "ask": Entry(Named(Block({
        "value": Entry(EXPRESSION, "an expression to report"),
        "solve": Entry(EXPRESSION, "an equation, such as dL = q"),
        "for": Entry(NAME, "the name to solve for"),
        "minimize": Entry(EXPRESSION, "an expression to make small"),
        "maximize": Entry(EXPRESSION, "an expression to make large"),
        "over": Entry(Many(NAME, one=True), "the variables to choose"),
        "given": Entry(Many(NAME, one=True), "the names the asker gives numbers for"),
        "subject_to": Entry(Many(EXPRESSION, one=True), "equations that must hold"),
        "report": Entry(Named(EXPRESSION, "a name"), "further expressions of the answer"),
        "within": Entry(PAIR, "[low, high] of the search"),
        "about": Entry(TEXT, "the question in words"),
    }, short=EXPRESSION), "the question's name"), "named questions; every answer carries an interval"),
    "published": Entry(Named(Block({
        "about": Entry(TEXT, "where the set is from, and what is disputed"),
        "source": Entry(TEXT, "the paper, where it is not the law's"),
        "status": Entry(STATUS, "where it is not the law's"),
    }, rest=Block(VALUE_KEYS, rest=Block(VALUE_KEYS, short=VALUE), short=VALUE)), "the set's name"),
        "published constants, set by set"),
    "checks": Entry(Many(Block({
        "set": Entry(NAME, "the published set to use"),
        "at": Entry(Named(Many(TEXT, one=True), "a variable or factor"), "the point; lists go together"),
        "ask": Entry(NAME, "the question to ask instead"),
        "given": Entry(Named(Many(TEXT, one=True), "a name the question is given"), "the question's numbers"),
        "value": Entry(EXPRESSION, "an expression to check, its number under `equals`"),
        "equals": Entry(Many(NUMBER, one=True), "the number of `value`"),
        "rel": Entry(NUMBER, "relative tolerance"),
        "abs": Entry(NUMBER, "absolute tolerance, in the unit of the number"),
        "differs": Entry(YES, "yes: a number that disagrees, and must not come out within the tolerance"),
        "from": Entry(TEXT, "where the number is from"),
    }, rest=Many(NUMBER, one=True))), "numbers the law must give back: the law file tests itself"),
    "data": Entry(Many(Block({
        "table": Entry(TEXT, "a catalogue id or a path", required=True),
        "map": Entry(Named(TEXT, "a name of the law"), "the column, or an expression of columns, of each name"),
        "where": Entry(EXPRESSION, "the rows to keep"),
        "units": Entry(Named(UNIT, "a name of the law"), "units of the columns, where they are not the law's"),
        "fixed": Entry(Named(NUMBER, "a parameter"), "parameters held at a number, where these rows cannot tell them"),
        "missing": Entry(Words("refuse or drop", ("refuse", "drop")), "what to do with rows with gaps"),
    }), one=True), "the tables the law is fitted to; the first is the default"),
    "simulate": Entry(Block({
        "set": Entry(NAME, "the published set to simulate from"),
        "with": Entry(Named(Block({}, rest=NUMBER, short=NUMBER), "a parameter"), "numbers that the set leaves out"),
        "grid": Entry(Named(Block({
            "from": Entry(NUMBER, "the first number", required=True),
            "to": Entry(NUMBER, "the last number", required=True),
            "count": Entry(NUMBER, "how many", required=True),
            "spacing": Entry(Words("a spacing", ("linear", "log")), "linear unless said"),
        }, short=Many(TEXT, one=True)), "a variable or factor"), "lists whose product is the design", required=True),
        "columns": Entry(Named(EXPRESSION, "a variable"), "further columns, from those of the grid"),
    }), "a design for rows simulated from the law: fit --simulate"),
})  # fmt: skip


def is_name(text: str) -> bool:
    """Whether a text can name a variable or parameter: letters (Greek too), digits and _, and no function word."""
    plain = unicodedata.normalize("NFKC", text) == text
    return plain and text.isidentifier() and len(text) <= 64 and text not in _PYTHON


_PYTHON = frozenset("and or not in is if else for lambda None True False await async from import while as with".split())


def read(node: Node, shape: Shape, report: Callable[[Fault], None], tainted: set[Span], path: str = "") -> bool:
    """Hold a node against a shape; every deviation is reported. Returns whether it has the shape.

    The places of mappings and lists that have a fault in them go to `tainted`, so that later rules can leave alone
    what is known to be wrong and still look at all the rest.
    """
    good = _read(node, shape, report, tainted, path)
    if not good:
        tainted.add(node.span)
    return good


def _read(node: Node, shape: Shape, report: Callable[[Fault], None], tainted: set[Span], path: str) -> bool:
    here = f" of `{path}`" if path else ""
    if isinstance(shape, OneOrNamed):
        return _read(node, shape.choose(node), report, tainted, path)
    if isinstance(shape, Block) and shape.short is not None and not isinstance(node, Mapping):
        return read(node, shape.short, report, tainted, path)
    if isinstance(shape, Many):
        if isinstance(node, Listing):
            return all([read(item, shape.item, report, tainted, path) for item in node.items])
        if shape.one:
            return read(node, shape.item, report, tainted, path)
        report(Fault("LAW016", node.span, f"{_found(node)} where a list is expected{here}", "Write [a, b]."))
        return False
    if isinstance(shape, Words):
        return _read_words(node, shape, report, here)
    if not isinstance(node, Mapping):
        keys = ", ".join(shape.entries) if isinstance(shape, Block) else shape.names
        report(Fault("LAW016", node.span, f"{_found(node)} where keys and values are expected{here}", f"Keys: {keys}."))
        return False
    good = True
    for key, value in node:
        below = f"{path}.{key.text}" if path else key.text
        if isinstance(shape, Named):
            good &= read(value, shape.value, report, tainted, below)
        elif key.text in shape.entries:
            good &= read(value, shape.entries[key.text].shape, report, tainted, below)
        elif shape.rest is not None:
            good &= read(value, shape.rest, report, tainted, below)
        else:
            report(Fault("LAW008", key.span, f"unknown key '{key.text}'{here}", suggest(key.text, shape.entries)))
            good = False
    if isinstance(shape, Block):
        for name, entry in shape.entries.items():
            if entry.required and name not in node:
                report(Fault("LAW009", node.span, f"the key '{name}' is missing{here}", f"It holds {entry.about}."))
                good = False
    return good


def _read_words(node: Node, shape: Words, report: Callable[[Fault], None], here: str) -> bool:
    if not isinstance(node, Scalar):
        report(Fault("LAW016", node.span, f"{_found(node)} where {shape.what} is expected{here}", ""))
        return False
    if shape.choices and node.text not in shape.choices:
        found = f"'{node.text}' is not {shape.what}{here}"
        report(Fault("LAW018", node.span, found, suggest(node.text, shape.choices)))
        return False
    if shape is NUMBER and parse_number(node.text) is None and node.text not in ("inf", "-inf"):
        cure = "Numbers are written 0.5, 1e24, 7B or 100T."
        report(Fault("LAW017", node.span, f"'{node.text[:60]}' is not a number{here}", cure))
        return False
    if not node.text.strip() and shape is not TEXT:
        report(Fault("LAW016", node.span, f"nothing where {shape.what} is expected{here}", "Give it, or drop the key."))
        return False
    return True


def _found(node: Node) -> str:
    return {Scalar: "a text", Listing: "a list", Mapping: "a mapping"}[type(node)]
