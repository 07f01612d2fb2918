"""The command that bounds: what a checkpoint's loss on its training text says of its loss beyond it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Fault, InputError, LawdslError, Span
from ..numbers import parse_number, short
from . import say
from .command import command
from .measure import require_extra
from .options import JSON
from .values import Whole

if TYPE_CHECKING:
    from measure.bound_terms import Terms
    from measure.bounds import Bound
    from measure.methods.table import Format

#: what a reader must know to believe the number; on stderr, and in --json under `notes`
SAMPLE = (
    "the text is taken for a sample of the training text: means over {measured} tokens stand for those over all "
    "{tokens}, to within their standard errors. On other text nothing is guaranteed"
)


@command("bound")
@click.argument("checkpoint")
@click.option(
    "--corpus", "corpora", multiple=True, required=True, metavar="[NAME=]PATH", help="Training text: a sample."
)
@click.option("--format", "formats", multiple=True, required=True, metavar="FORMAT", help="See `measure --formats`.")
@click.option("--tokens", metavar="D", help="Of training, such as 1.4B; what training.json says unless given.")
@click.option("--delta", default="0.05", show_default=True, help="The bound holds with probability 1 - delta.")
@click.option("--window", type=Whole(1), help="Tokens seen at once; the model's context, at most 2048.")
@click.option("--documents", type=Whole(1), help="Only the first so many documents.")
@click.option("--calibration", metavar="PATH", help="A text for formats that look at one while they round.")
@click.option("--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda, cuda:N, mps.")
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    metavar="DTYPE",
    help="float32, bfloat16 or float16; auto is as stored.",
)
@JSON
def bound_command(
    checkpoint: str, corpora: tuple[str, ...], formats: tuple[str, ...], tokens: str | None, delta: str,
    window: int | None, documents: int | None, calibration: str | None, device: str, dtype: str, as_json: bool,
) -> int:  # fmt: skip
    """Bound the loss of a CHECKPOINT beyond its training text, by Finzi et al. 2025 (arXiv 2504.15208).

    The terms are measured on the quantized checkpoint: loss, quantization gap, smoothing, complexity and loss
    variation; Azuma's bound stands beside it. --corpus and --format may be repeated.
    """
    faults: list[Fault] = []
    texts = _texts(corpora, faults)
    count = _number(tokens, "--tokens", "A positive number, such as 1.4B.", faults) if tokens is not None else None
    failure = _number(delta, "--delta", "Between 0 and 1, such as 0.05.", faults, most=1.0)
    wanted = _formats(formats, faults)
    if faults:
        raise InputError(faults)
    require_extra()
    from measure.bound_terms import bound_terms
    from measure.checkpoints import Source

    with say.progress(not as_json) as progress:
        found = list(
            bound_terms(
                Source(checkpoint, tokens=count), wanted, texts, failure=failure, window=window, documents=documents,
                calibration=calibration, device=device, dtype=dtype, progress=progress,
            )
        )  # fmt: skip
    _answer(checkpoint, found, failure, as_json)
    return 0


def _texts(corpora: tuple[str, ...], faults: list[Fault]) -> dict[str, str]:
    """Name -> path; a text without a name has that of its file."""
    texts: dict[str, str] = {}
    for text in corpora:
        name, sign, path = text.partition("=")
        if not sign:
            name, path = Path(text.removeprefix("hf:")).stem, text
        if not name.strip() or not path.strip() or name in texts:
            cure = "Write --corpus NAME=PATH, each name once."
            faults.append(Fault("MEA502", Span(f"--corpus {text}"[:120]), "this names no text of its own", cure))
        texts[name] = path
    return texts


def _formats(names: tuple[str, ...], faults: list[Fault]) -> list[Format]:
    from measure.format_reading import parse_format

    found: dict[Format, None] = {}
    for name in names:
        try:
            found[parse_format(name)] = None
        except LawdslError as error:
            faults += [Fault(f.code, Span(f"--format {name}"[:80]), f.message, f.cure) for f in error.faults]
    return list(found)


def _number(text: str, option: str, cure: str, faults: list[Fault], most: float = float("inf")) -> float:
    value = parse_number(text)
    if value is None or not 0 < value < most:
        faults.append(Fault("MEA502", Span(f"{option} {text}"[:80]), f"'{text[:40]}' is out of range", cure))
        return 0.5
    return value


def _answer(checkpoint: str, found: list[Terms], failure: float, as_json: bool) -> None:
    from measure.bounds import STATUS

    notes = [SAMPLE.format(measured=f"{min(t.tokens_measured for t in found):,}", tokens=short(found[0].tokens))]
    notes += [f"{name}: {status}" for name, status in STATUS.items()]
    if as_json:
        say.as_json({
            "bound": checkpoint, "delta": failure, "unit": "nats/token", "tokens": found[0].tokens,
            "parameters": found[0].parameters, "bounds": [_plain(terms) for terms in found], "notes": notes,
        })  # fmt: skip
        return
    for place, terms in enumerate(found):
        if place:
            say.line()
        _table(checkpoint, terms, failure)
    for line in notes:
        say.note(line)


def _plain(terms: Terms) -> dict[str, Any]:
    slack = terms.freedman.freedman
    assert slack is not None
    return {
        "format": terms.format, "corpus": terms.corpus, "tokens_measured": terms.tokens_measured,
        "vocabulary": terms.vocabulary, "bits_per_weight": terms.bits_per_weight,
        "bits_per_parameter": terms.bits_per_parameter, "uniform_guess": terms.guess,
        "vacuous": terms.freedman.total >= terms.guess, "loss": terms.loss, "loss_se": terms.loss_se,
        "gap": terms.gap, "gap_se": terms.gap_se,
        "freedman": _parts(terms.freedman) | {
            "range_term": slack.ranged, "range": slack.spread, "variation_term": slack.varied,
            "variation": slack.sigma, "scale": slack.scale,
        },
        "azuma": _parts(terms.azuma), "closed_form": terms.closed_form,
    }  # fmt: skip


def _parts(bound: Bound) -> dict[str, float]:
    return {
        "bound": bound.total, "complexity": bound.complexity, "uniform_share": bound.share,
        "smoothing": bound.smoothing, "slack": bound.slack,
    }  # fmt: skip


def _table(checkpoint: str, terms: Terms, failure: float) -> None:
    bound, azuma, slack = terms.freedman, terms.azuma, terms.freedman.freedman
    assert slack is not None
    vacuous = "" if bound.total < terms.guess else ", so it says nothing"
    say.heading(
        f"{checkpoint} in {terms.format} on {terms.corpus}: at most {bound.total:.3f} nats/token with probability "
        f"{1 - failure:g}"
    )
    say.text(f"A uniform guess over {terms.vocabulary:,} words has {terms.guess:.3f}{vacuous}.")
    say.line()
    rate = terms.parameters / terms.tokens
    stored = f"{terms.bits_per_parameter:.3g} bits a parameter ({terms.bits_per_weight:.3g} where rounded)"
    rows = [
        ("training loss", terms.loss, f"± {terms.loss_se:.4f}, of the checkpoint itself"),
        ("quantization gap", terms.gap, f"± {terms.gap_se:.4f}, paired; {stored}"),
        ("smoothing", bound.smoothing, f"measured; {bound.share:.2g} of each prediction is a uniform guess"),
        ("range x complexity", slack.ranged, f"Delta {slack.spread:.3f}, C {bound.complexity:.4f} with N/D {rate:.3g}"),
        ("loss variation", slack.varied, f"Sigma*sqrt(C), Sigma {slack.sigma:.3f} at scale {slack.scale:.2g}"),
        ("Freedman bound", bound.total, "the sum of these"),
        ("Azuma bound", azuma.total, f"Delta*sqrt(C/2) {azuma.slack:.3f}, smoothing {azuma.smoothing:.3f}"),
        ("closed form", terms.closed_form, "C*ln V, Sigma*sqrt(C) and sqrt(2*C) instead, as the paper sums"),
    ]
    width = max(len(f"{value:.4f}") for _, value, _ in rows)
    say.table(("term", "nats/token", ""), [(name, f"{value:{width}.4f}", what) for name, value, what in rows], left=3)
