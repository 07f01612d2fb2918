"""What a methods section cites: the law's paper, the table's, the sampler's and the software, as BibTeX."""

from __future__ import annotations

from dataclasses import dataclass

from lawdsl import catalogue
from lawdsl.cite import ARXIV, citations
from lawdsl.errors import LawdslError
from lawdsl.tex import escape

from ..posterior import Posterior

NUTS, NUMPYRO, RHAT, EBFMI, OWN = (
    "hoffman2014nuts",
    "phan2019numpyro",
    "vehtari2021rhat",
    "betancourt2016energy",
    "lawdsl",
)
#: of methods that are cited where they were used
_METHODS = {
    NUTS: """@article{hoffman2014nuts,
  title   = {{The No-U-Turn Sampler: Adaptively Setting Path Lengths in Hamiltonian Monte Carlo}},
  author  = {Matthew D. Hoffman and Andrew Gelman},
  journal = {Journal of Machine Learning Research},
  volume  = {15},
  year    = {2014},
  eprint  = {1111.4246},
  archivePrefix = {arXiv},
}""",
    NUMPYRO: """@misc{phan2019numpyro,
  title  = {{Composable Effects for Flexible and Accelerated Probabilistic Programming in NumPyro}},
  author = {Du Phan and Neeraj Pradhan and Martin Jankowiak},
  year   = {2019},
  eprint = {1912.11554},
  archivePrefix = {arXiv},
}""",
    RHAT: """@article{vehtari2021rhat,
  title   = {{Rank-Normalization, Folding, and Localization: An Improved $\\widehat{R}$ for Assessing
             Convergence of MCMC}},
  author  = {Aki Vehtari and Andrew Gelman and Daniel Simpson and Bob Carpenter and Paul-Christian B{\\"u}rkner},
  journal = {Bayesian Analysis},
  volume  = {16},
  year    = {2021},
  eprint  = {1903.08008},
  archivePrefix = {arXiv},
}""",
    EBFMI: """@misc{betancourt2016energy,
  title  = {{Diagnosing Suboptimal Cotangent Disintegrations in Hamiltonian Monte Carlo}},
  author = {Michael Betancourt},
  year   = {2016},
  eprint = {1604.00695},
  archivePrefix = {arXiv},
}""",
}


@dataclass(frozen=True)
class References:
    """Keys of what is cited ("" where there is nothing to cite), the table's title in LaTeX, and all entries."""

    law: str
    table: str
    table_title: str
    lawdsl: str
    bibtex: str


def references(posterior: Posterior) -> References:
    """What a methods section of this fit cites."""
    law, entries = posterior.law, []
    key = ""
    try:
        (paper,) = citations([(law.name, law)])
        key = paper.key
        entries.append(paper.bibtex)
    except LawdslError:  # a law without a source is the writer's own
        pass
    table, title = "", ""
    known = next((one for one in catalogue.entries() if one.id == posterior.provenance.data), None)
    if known is not None:
        table, title = f"table-{known.id}", escape(known.title)
        if known.paper and known.paper == dict(law.source).get("arxiv"):
            table = key  # one paper has both
        else:
            entries.append(_table(known, table))
    entries.append(_own(posterior))
    if posterior.method == "nuts":
        entries += [_METHODS[name] for name in (NUTS, NUMPYRO, RHAT, *([EBFMI] if "energy" in posterior.stats else []))]
    return References(key, table, title, OWN, "\n\n".join(entries) + "\n")


def _table(entry: catalogue.Entry, key: str) -> str:
    fields = {
        "key": escape(entry.title),
        "title": f"{{{escape(entry.title)}}}",
        "note": escape("; ".join([*entry.citation, f"licence: {entry.licence}"])),
        "howpublished": escape(entry.repository),
        "eprint": entry.paper if ARXIV.fullmatch(entry.paper) else "",
        "archivePrefix": "arXiv" if ARXIV.fullmatch(entry.paper) else "",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def _own(posterior: Posterior) -> str:
    version = dict(posterior.provenance.versions).get("lawdsl", "")
    lines = [
        "  title  = {{lawdsl: a language and a Bayesian engine for scaling laws}},",
        "  author = {{The lawdsl authors}},",
        *([f"  note   = {{version {escape(version)}}},"] if version and version != "not installed" else []),
        "  url    = {https://github.com/lawdsl/lawdsl},",
    ]
    return "\n".join([f"@misc{{{OWN},", *lines, "}"])
