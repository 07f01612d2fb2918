"""The fuzzers work: a careless reader is caught at each thing that none may do; of the long runs a little is run."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lawdsl.families import FAMILIES
from tests.fuzz.careless import TOLD
from tests.fuzz.targets import CORPUS, LAW, TARGETS, one, seeds
from tests.fuzz.texts import FUNCTIONS, NUMBERS, PAYLOADS, text

ROOT = Path(__file__).resolve().parents[1]


def command(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A fuzzer in a Python of its own, since an auditor cannot be taken away again."""
    words = [sys.executable, "-m", f"tests.fuzz.{module}", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_the_watch_sees_what_a_careless_reader_does() -> None:
    """Code run, files, processes, sockets, time, memory, exceptions, warnings: "none did" says something only so."""
    told = json.loads(command("careless").stdout)
    assert told.pop("read") == []
    for reader, deeds in TOLD.items():
        found = told[reader.__name__]
        for deed in deeds:
            assert any(what.startswith(deed) or what.endswith(deed) for what in found), (reader, found)


def test_a_number_is_always_the_same_text() -> None:
    assert text(3) == text(3) not in (text(4), text(3, seed=1))
    assert any(payload in text(number) for number in range(200) for payload in PAYLOADS)


def hostile_law_files(count: int) -> None:
    done = command("laws", "--count", str(count), "--first", "1000000")
    told = json.loads(done.stdout)
    assert (told["bad"], done.returncode) == ([], 0)
    assert told["laws"] + told["refused"] == count and told["laws"] > count / 50


def test_hostile_law_files_are_read_or_refused() -> None:
    hostile_law_files(200)


@pytest.mark.slow
def test_hostile_law_files_by_the_thousand() -> None:
    hostile_law_files(20_000)


# --- every target, by its corpus and by grammars ---------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_taken_or_refused(target: str) -> None:
    """What once went wrong lies there too."""
    found = [one(target, data) for data in seeds(target)[:6]]
    assert found and any(found), "nothing of it comes past the first check"


def test_the_corpus_is_small() -> None:
    files = list(CORPUS.iterdir())
    assert len(files) <= 60 and sum(path.stat().st_size for path in files) < 100_000
    assert {path.name.split(".")[0] for path in files} <= set(TARGETS)


def test_the_guided_fuzzer_names_its_targets_and_says_what_it_needs() -> None:
    assert command("guided", "--list").stdout.split() == list(TARGETS)
    assert command("guided", "nonsense").returncode == 2
    if importlib.util.find_spec("atheris") is None:
        done = command("guided", "number")
        assert done.returncode == 3 and "pip install atheris" in done.stderr


#: texts that are numbers, nearly so, or not at all
digits = st.text("0123456789", min_size=1, max_size=6)
numerals = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "-", "+", "--", " "]), digits,
        st.sampled_from(["", ".", "_", "..", ","]), st.just("") | digits,
        st.sampled_from(["", "e", "E+", "e-", "e400", "K", "k", "M", "B", "T", "BB", "x", "%"]), st.just("") | digits,
    ),
) | st.sampled_from(NUMBERS)  # fmt: skip
words = st.sampled_from(["N", "x", "L", "se", "g", "n", "word", "gap", "E", "s", "Σ", "i", "t.csv", "", "7B", "a"])
signs = st.sampled_from(
    ["+", "-", "*", "/", "^", " < ", " == ", " and ", " or ", " not ", " in ", ",", "=", ".", "[i]"]
)
anything = st.text(max_size=12) | st.sampled_from(PAYLOADS)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    listed = st.lists(inner, max_size=4).map(", ".join)
    return st.one_of(
        st.builds(lambda a, sign, b: f"{a}{sign}{b}", inner, signs, inner),
        st.builds(lambda name, args: f"{name}({args})", st.sampled_from(FUNCTIONS), listed),
        inner.map(lambda a: f"({a})"),
    )


#: expressions, or what looks like them
formulas = st.recursive(numerals | words | st.sampled_from(["'a'", '"x y"']) | anything, _grown, max_leaves=8)
priors = st.builds(
    lambda family, args: f"{family}({', '.join(args)})",
    st.sampled_from(sorted(FAMILIES)) | words, st.lists(numerals | formulas, max_size=3),
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | numerals | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6,
)  # fmt: skip
rows_of_json = st.lists(
    st.dictionaries(st.sampled_from(["N", "x", "L", "se", "g", "h"]), json_values, max_size=6), max_size=4
)
cells = numerals | words | anything | st.sampled_from(["nan", "NA", '"', '"a,b"', "\n", "\x00", "é"])
scores = st.dictionaries(
    st.sampled_from(["acc,none", "acc_stderr,none", "bits_per_byte,none", "word_perplexity,none", "byte_perplexity"]),
    json_values, max_size=4,
)  # fmt: skip
results = st.fixed_dictionaries(
    {"results": st.dictionaries(words, scores | json_values, max_size=2)},
    optional=dict.fromkeys(("config", "n-shot", "n-samples", "groups", "date", "versions", "model_name"), json_values),
)  # fmt: skip
maps = st.builds(
    lambda pairs, where: "\n".join([*(f"{name}={text}" for name, text in pairs), where]),
    st.lists(st.tuples(words, formulas), max_size=3), formulas,
)  # fmt: skip
#: what of a fit file is replaced, and by what
parts = st.sampled_from([
    "/\tlaw", "/\tmethod", "/\tfactors", "/\tlevels", "/\tverdict", "/\tprovenance", "/\treliability", "/\tformat",
    "/posterior\tE", "/posterior\ts", "/posterior\tzz", "/observed_data\tL", "/constant_data\tN", "/constant_data\tse",
    "/constant_data\tg_code", "/constant_data\tx", "/constant_data\tnumber of the row", "/sample_stats\tdiverging",
    "/prior\ts", "/posterior_predictive\tL",
])  # fmt: skip
fit_parts = st.lists(
    parts | st.builds(lambda part, value: f"{part}\t{json.dumps(value)}", parts, json_values), min_size=1, max_size=3
).map("\n".join)
tables = st.lists(st.lists(cells, max_size=6).map(",".join), max_size=4).map("\n".join)
blocks = st.sampled_from(
    ["variables", "response", "parameters", "equation", "noise", "ask", "published", "data", "index"]
)


def jsoned(value: object) -> str:
    return json.dumps(value)


GRAMMARS: dict[str, st.SearchStrategy[str]] = {
    "law": st.builds(lambda key, value: f"{LAW}{key}: {jsoned(value)}\n", blocks | words, json_values),
    "expression": formulas,
    "prior": priors,
    "number": numerals,
    "csv": tables.map(lambda rows: f"N,x,L,se,g\n{rows}"),
    "jsonl": rows_of_json.map(lambda rows: "\n".join(map(jsoned, rows))),
    "map": maps,
    "fit-parts": fit_parts,
    "results": results.map(jsoned),
    "store": json_values.map(jsoned),
    "job-store": st.dictionaries(st.sampled_from(["key", "job", "result"]), json_values).map(jsoned).map("{}\n".format),
    "lock": st.dictionaries(st.sampled_from(["lock", "fits", "E"]), json_values).map(jsoned),
    "plan": st.dictionaries(st.sampled_from(["measure", "checkpoints", "formats", "corpora"]), json_values).map(jsoned),
}  # fmt: skip


@pytest.mark.parametrize("target", GRAMMARS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_whatever_is_made_by_a_grammar_is_taken_or_refused(target: str, data: st.DataObject) -> None:
    text = data.draw(GRAMMARS[target])
    one(target, text.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@pytest.mark.parametrize("target", GRAMMARS)
@settings(max_examples=3_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_made_by_a_grammar_is_taken_or_refused_at_length(target: str, data: st.DataObject) -> None:
    one(target, data.draw(GRAMMARS[target]).encode("utf-8", "surrogatepass"))
