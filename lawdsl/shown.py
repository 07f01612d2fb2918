"""A law as a notebook shows it: its equation typeset, then what its letters stand for, as Markdown."""

from __future__ import annotations

from . import markdown, words
from .law import Law
from .markdown import code, prose
from .render import equation_latex


def one_line(law: Law) -> str:
    """The law in a line: `Law('qid': dL of N, D, P; 6 parameters, 3 published sets)`."""
    names = ", ".join(law.inputs)
    responses = ", ".join(law.outcome)
    free = sum(parameter.free for parameter in law.parameters)
    sets = f", {len(law.published)} published sets" if law.published else ""
    return f"Law('{law.name}': {responses} of {names}; {free} parameters{sets})"


def page(law: Law) -> str:
    """Title, equation, and tables of the variables and the parameters with the first published set."""
    rows = [
        *((o.response.name, str(o.response.quantity), o.response.about) for o in law.outcomes),
        *((v.name, str(v.quantity), v.about or (f"= {v.formula}" if v.formula else "")) for v in law.variables),
        *((f.name, "factor", f.about or ", ".join(f.levels)) for f in law.factors),
    ]
    first = law.published[0] if law.published else None
    known = first.by_name if first else {}
    header = ["parameter", "prior", *([first.name] if first else [])]
    parameters = [
        [code(p.name), prose(words.origin(p)), *([prose(words.constant(known.get(p.name)))] if first else [])]
        for p in law.parameters
    ]
    return "\n\n".join([
        f"**{prose(law.title)}** ({code(law.name)}, {law.status})",
        f"$$\n{equation_latex(law)}\n$$",
        markdown.table(("name", "unit", "about"), [(code(n), prose(unit), prose(about)) for n, unit, about in rows]),
        markdown.table(header, parameters),
    ])  # fmt: skip
