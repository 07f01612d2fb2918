"""The library's laws: each is whole, gives back its paper's numbers, and behaves as its paper says it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml

from lawdsl import catalogue, library, shape
from lawdsl.evaluate import evaluate
from lawdsl.expression import Name
from lawdsl.grammar import parse_expression
from lawdsl.law import Law
from lawdsl.published import run_checks, values_of
from lawdsl.question import answer
from lawdsl.render import canonical
from lawdsl.table import bind

#: Closed form and search: a flat optimum is known to the root of the precision of its value, about 1e-7 here.
ROUTES = 1e-6
#: There and back through closed forms: rounding of a few operations, times exponents up to 12.
ROUND_TRIP = 1e-9
#: A bracketed root is bisected 60 times.
ROOT = 1e-9
#: Half a unit in the last place of Table 1, printed to 0.0001T tokens, in trillions; the hair is binary rounding.
TABLE_1_PRINTED = 0.5e-4 + 1e-8
#: How far the joint law is off at 2 bits: 2 % by its constants, and up to 4.5 % by the table's rounding (0.0011).
JOINT_AT_2_BITS = 0.10
#: Two digits of "up to 2.4 times".
JOINT_AT_WORST = (2.35, 2.45)

LAWS = library.names()
SHIPPED = (
    "activation_attack", "activation_attack_success", "algorithmic_progress", "annealing", "azuma_bound", "best_of_n",
    "broken", "broken_two", "chinchilla", "compute_optimal", "data_constrained", "data_filtering",
    "data_filtering_code", "data_filtering_mixture", "denoiser_saving", "discovery", "discovery_flywheel",
    "distillation", "downstream_error", "downstream_transfer", "downstream_transfer_loss", "farseer",
    "fine_grained_moe", "florenz", "florenz_compute", "fp_training", "gemstones", "generalization_bound",
    "generative_bits", "generative_compute", "generative_optimum", "generative_size", "hyperparameters_compute",
    "imitation", "imitation_success", "inference_aware", "information_growth", "isoflops", "kaplan_batch",
    "kaplan_compute", "kaplan_d", "kaplan_n", "kaplan_nd", "kaplan_steps", "kaplan_training", "kbit_inference",
    "knowledge_capacity", "learning_curve_m1", "learning_curve_m2", "learning_curve_m3", "learning_curve_m4",
    "llama3_tokens", "minicpm", "misfitting", "moe_sparsity", "moe_upcycling", "multi_power", "nmt_bleu",
    "nmt_encoder_decoder", "nmt_multilingual", "one_bit_ntk", "one_bit_size", "overoptimization", "overtraining",
    "parameter_count", "pass_at_k", "patchification", "precision", "precision_ptq", "pruning_crossover",
    "pruning_exponential", "pruning_fraction", "pruning_power", "qat", "qid", "qid_interaction", "qid_methods",
    "qid_per_bit", "qid_saturating", "reconcile", "rectified", "repeated_data", "rl_compute", "rosenfeld", "routed",
    "sae", "sparse_pretraining", "sparse_pretraining_phases", "sparsity", "step_law", "step_law_batch", "supervised",
    "synthetic_data", "synthetic_images", "synthetic_images_mix", "time_series_compute", "time_series_data",
    "time_series_size", "train_test_compute", "transfer", "unraveling", "unraveling_batch", "unraveling_limit",
    "vocabulary",
    "sldbench/data_constrained", "sldbench/domain_mixture", "sldbench/easy_question", "sldbench/lr_bsz", "sldbench/moe",
    "sldbench/parallel", "sldbench/sft", "sldbench/vocab",
)  # fmt: skip

SIZES = (1e9, 7e9, 70e9, 405e9)
DEGRADATIONS = (0.2, 0.3, 0.4, 0.5)
#: Table 1 of arXiv 2411.17691: trillions of tokens by size (rows) and degradation (columns), for each bit width.
TABLE_1 = {
    2: """0.0011  0.0025  0.0043   0.0066
          0.0026  0.0057  0.0099   0.0152
          0.0071  0.0154  0.0267   0.0409
          0.0151  0.0328  0.0567   0.0868""",
    3: """0.1089  0.1990  0.3051   0.4251
          0.3038  0.5550  0.8512   1.1860
          1.0228  1.8687  2.8659   3.9932
          2.5807  4.7151  7.2311  10.0754""",
    4: """1.4424  2.6786  4.1556   5.8422
          4.5066  8.3689  12.9836  18.2531
          17.3499 32.2192 49.9854  70.2723
          48.4861 90.0398 139.6892 196.3829""",
}


def ask(law: Law, question: str, set: str, route: str = "auto", **given: float) -> dict[str, float]:
    """A question's answers with the constants of a published set."""
    numbers = {name: number for name, number in given.items() if name not in law.factor}
    found = answer(law, law.questions[question], values_of(law, set, dict(given)), numbers, route)  # type: ignore[arg-type]
    return {name: float(np.ravel(value)[0]) for name, value in found.items()}


def value(law: Law, expression: str, set: str, **at: float | np.ndarray) -> np.ndarray:
    """An expression's value with the constants of a published set."""
    point = {name: number for name, number in at.items() if isinstance(number, float)}
    found = evaluate(law, {"value": parse_expression(expression)}, {**values_of(law, set, point), **at})
    return np.asarray(found["value"])


def at(
    name: str, expression: str, set: str, change: Mapping[str, float] | None = None, /,
    **point: float | str | np.ndarray,
) -> np.ndarray:  # fmt: skip
    """An expression of a law's names by a published set, some constants changed, at numbers, arrays and levels."""
    law = library.load(name)
    levels = {n: x for n, x in point.items() if isinstance(x, str)}
    numbers = {n: x for n, x in point.items() if n not in levels}
    values = {**values_of(law, set, dict(levels)), **(change or {}), **numbers}
    return np.asarray(evaluate(law, {"value": parse_expression(expression)}, values)["value"])


def asked(name: str, question: str, set: str, route: str = "auto", /, **given: float | str) -> dict[str, float]:
    """`ask` of a law by its name."""
    return ask(library.load(name), question, set, route, **given)  # type: ignore[arg-type]


def table_1(law: Law, set: str, bits: int) -> np.ndarray:
    """What a law says in the place of Table 1, in trillions of tokens."""
    rows = [[ask(law, "tokens_at", set, N=n, P=float(bits), q=q)["D"] for q in DEGRADATIONS] for n in SIZES]
    return np.array(rows) / 1e12


def printed(bits: int) -> np.ndarray:
    return np.array([line.split() for line in TABLE_1[bits].splitlines()], dtype=float)


# ---- every law


def test_the_library_has_these_laws() -> None:
    assert set(SHIPPED) <= set(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_law_is_whole(name: str) -> None:
    law = library.load(name)
    assert law.name == name.replace("/", "_")
    assert law.status and law.about and law.title != law.name
    assert {"arxiv", "equation", "year"} <= dict(law.source).keys()
    assert law.published and law.checks and law.ask
    assert all(check.source for check in law.checks), "a check does not say where its number is from"


@pytest.mark.parametrize("name", LAWS)
def test_law_reads_back_from_its_canonical_text(name: str) -> None:
    law = library.load(name)
    assert library.parse(canonical(law)) == law


@pytest.mark.parametrize("name", LAWS)
def test_law_gives_back_its_numbers(name: str) -> None:
    results, faults = run_checks(library.load(name), name)
    assert results and not faults, "\n".join(map(str, faults))


@pytest.mark.parametrize("name", LAWS)
def test_any_yaml_tool_reads_the_file_alike(name: str) -> None:
    """A comma in a flow mapping ends a value: `{prior: LogNormal(6, 2)}` has a key `2)` to other readers."""
    plain = yaml.safe_load(library.find(name).read_text("utf-8"))
    law = library.load(name)
    known = shape.LAW.entries["parameters"].shape.value.entries.keys()  # type: ignore[union-attr]
    assert plain.keys() <= shape.LAW.entries.keys()
    assert all(block.keys() <= known for block in plain["parameters"].values())
    used = {name for name in law.parameter if name.split("_")[0] in plain.get("use", {})}
    assert "index" in plain or plain["parameters"].keys() == law.parameter.keys() - used
    data = plain.get("data", [])
    tables = data if isinstance(data, list) else [data]
    assert all(len(data.get("map", {})) == len(found.map) for data, found in zip(tables, law.data, strict=True))


@pytest.mark.parametrize("name", LAWS)
def test_columns_of_the_data_are_in_the_catalogue(name: str) -> None:
    for data in library.load(name).data:
        table = catalogue.entry(data.table)
        for column in dict(data.map).values():
            assert all(table.column(part) for part in parse_expression(column).names())


@pytest.mark.parametrize(
    ("name", "table", "rows"),
    [("chinchilla", "chinchilla-epoch", 240), ("precision", "quest-qat", 60), ("vocabulary", "vocab-tao2024", 1054)],
)
def test_law_binds_its_rows(name: str, table: str, rows: int, data_folder: Path) -> None:
    assert bind(library.load(name), table).rows == rows


def test_a_name_may_be_written_with_either_dash() -> None:
    assert library.find("qid-per-bit") == library.find("qid_per_bit")


# ---- chinchilla


@pytest.mark.parametrize("published", library.load("chinchilla").sets)
@pytest.mark.parametrize("compute", [1e18, 1e21, 5.76e23, 1e26])
def test_closed_and_numeric_optimum_agree(published: str, compute: float) -> None:
    law = library.load("chinchilla")
    closed = ask(law, "optimum", published, "closed", C=compute)
    numeric = ask(law, "optimum", published, "numeric", C=compute)
    assert numeric == pytest.approx(closed, rel=ROUTES)
    assert 6 * closed["N"] * closed["D"] == pytest.approx(compute, rel=ROUND_TRIP)


@pytest.mark.parametrize("published", library.load("chinchilla").sets)
def test_best_size_grows_with_the_exponent(published: str) -> None:
    law = library.load("chinchilla")
    small, large = (ask(law, "optimum", published, C=c)["N"] for c in (1e21, 1e24))
    exponent = ask(law, "exponent", published)["exponent"]
    assert math.log(large / small) / math.log(1e3) == pytest.approx(exponent, rel=ROUND_TRIP)


def test_least_huber_loss_lies_within_the_errors_of_the_published_fit() -> None:
    sets = library.load("chinchilla").sets
    for name, found in sets["besiroglu"].values:
        assert abs(sets["besiroglu_huber"].by_name[name].value - found.value) <= found.se  # type: ignore[union-attr]


# ---- degradation by quantization


@pytest.mark.parametrize("bits", TABLE_1)
def test_constants_by_bit_width_give_table_1_as_printed(bits: int) -> None:
    found = table_1(library.load("qid_per_bit"), "per_bit", bits)
    assert np.abs(found - printed(bits)).max() <= TABLE_1_PRINTED


def test_the_law_file_holds_all_of_table_1() -> None:
    law = library.load("qid_per_bit")
    held = [check for check in law.checks if check.source == "Table 1"]
    assert sorted(x for check in held for x in dict(check.expected)["D"]) == pytest.approx(
        sorted(1e12 * x for bits in TABLE_1 for x in printed(bits).ravel()), rel=1e-12
    )
    assert len(held) == 12 and all(check.abs <= 1e12 * TABLE_1_PRINTED + 1e4 for check in held)


def test_the_joint_law_gives_table_1_at_2_bits_only() -> None:
    law = library.load("qid")
    ratio = {bits: table_1(law, "joint", bits) / printed(bits) for bits in TABLE_1}
    assert np.abs(ratio[2] - 1).max() < JOINT_AT_2_BITS
    worst = {bits: np.exp(np.abs(np.log(ratio[bits])).max()) for bits in TABLE_1}
    assert JOINT_AT_WORST[0] < worst[3] < JOINT_AT_WORST[1]
    assert worst[4] > 2


@pytest.mark.parametrize(
    ("name", "published"), [("qid", "joint"), ("qid_per_bit", "per_bit"), ("precision_ptq", "kumar")]
)
def test_tokens_to_degradation_and_back(name: str, published: str) -> None:
    law = library.load(name)
    for size, bits, q in [(160e6, 2.0, 0.01), (7e9, 3.0, 0.2), (70e9, 4.0, 1.5)]:
        tokens = ask(law, "tokens_at", published, N=size, P=bits, q=q)["D"]
        assert value(law, "dL", published, N=size, D=tokens, P=bits) == pytest.approx(q, rel=ROUND_TRIP)


@pytest.mark.parametrize(("name", "published"), [("qid", "joint"), ("precision_ptq", "kumar")])
def test_bits_to_degradation_and_back(name: str, published: str) -> None:
    law = library.load(name)
    q = float(value(law, "dL", published, N=7e9, D=1e12, P=3.5))
    found = ask(law, "bits_needed", published, N=7e9, D=1e12, q=q)
    assert found.get("P", found.get("bits_needed")) == pytest.approx(3.5, rel=ROUND_TRIP)


def test_the_ceiling_is_where_the_quantized_model_guesses() -> None:
    law = library.load("qid")
    tokens = ask(law, "ceiling_at", "joint", N=1e9, P=2.0, words=50_304.0, L16=2.4)["D"]
    assert value(law, "dL", "joint", N=1e9, D=tokens, P=2.0) + 2.4 == pytest.approx(math.log(50_304), rel=ROUND_TRIP)


# ---- monotone


@pytest.mark.parametrize(
    ("name", "published", "falls", "grows"),
    [
        ("chinchilla", "besiroglu", "N D", ""),
        ("qid", "joint", "N P", "D"),
        ("precision_ptq", "kumar", "N P", "D"),
        ("precision", "kumar", "N D Pw Pa Pkv", ""),
        ("vocabulary", "approach3", "Nnv D d", ""),
    ],
)
def test_response_moves_one_way_with_each_variable(name: str, published: str, falls: str, grows: str) -> None:
    law = library.load(name)
    middle = {
        "N": 1e9,
        "D": 1e11,
        "P": 3.0,
        "Pw": 4.0,
        "Pa": 4.0,
        "Pkv": 4.0,
        "Nnv": 1e9,
        "V": 32e3,
        "d": 2048.0,
    }
    factors = np.geomspace(0.25, 4, 9)
    for variable in [*falls.split(), *grows.split()]:
        point = {n: middle[n] for n in law.inputs}
        curve = value(law, law.response.name, published, **{**point, variable: point[variable] * factors})
        assert np.all(np.diff(curve) * (1 if variable in grows.split() else -1) > 0), variable


def test_fewer_bits_cost_more_with_constants_by_bit_width() -> None:
    law = library.load("qid_per_bit")
    for size in SIZES:
        curve = [float(value(law, "dL", "per_bit", N=size, D=1e12, P=bits)) for bits in (2.0, 3.0, 4.0)]
        assert curve[0] > curve[1] > curve[2]


# ---- precision


def test_best_bits_is_the_root_of_the_paper() -> None:
    u = ask(library.load("precision"), "best_bits", "kumar", g=1.0)["P"]
    assert 3 * u * math.exp(-u) - 1 + math.exp(-u) == pytest.approx(0, abs=ROOT)
    assert u == pytest.approx(1.9038, abs=5e-5)  # four decimals


@pytest.mark.parametrize("alpha", [0.2, 0.4965, 0.8])
def test_best_precision_depends_on_neither_budget_nor_exponent(alpha: float) -> None:
    """At the best N and D, u*exp(-u)/(1 - exp(-u)) over the three u = P/g sums to 1, and that is all."""
    law = library.load("precision")
    values = {**values_of(law, "kumar", {}), "alpha": alpha}
    scales = np.array([values[g] for g in ("gw", "ga", "gkv")])
    for compute in (1e20, 1e24):
        bits = float(answer(law, law.questions["optimum"], values, {"C": compute})["P"][0])
        u = bits / scales
        assert np.sum(u * np.exp(-u) / -np.expm1(-u)) == pytest.approx(1, rel=1e-5)  # two unknowns: a coarser search


def test_too_much_training_is_where_both_laws_together_turn() -> None:
    base, added = library.load("precision"), library.load("precision_ptq")
    constants = values_of(base, "kumar", {})
    b, beta = constants["B"], constants["alpha"]  # the paper ties the exponents
    closed, numeric = (
        ask(added, "turning_point", "kumar", route, N=1e9, P=4.0, B=b, beta=beta)["D"]
        for route in ("closed", "numeric")
    )
    assert numeric == pytest.approx(closed, rel=ROUTES)
    c = values_of(added, "kumar", {})
    slope = c["gD"] * c["CT"] * math.exp(-4 / c["gpost"]) * 1e9 ** -c["gN"]
    assert closed == pytest.approx((beta * b / slope) ** (1 / (beta + c["gD"])), rel=ROUND_TRIP)
    tokens = closed * np.array([0.9, 1.0, 1.1])
    whole = value(base, "L", "kumar", N=1e9, D=tokens, Pw=16.0, Pa=16.0, Pkv=16.0)
    whole = whole + value(added, "dL", "kumar", N=1e9, D=tokens, P=4.0)
    assert whole[1] < whole[0] and whole[1] < whole[2]


# ---- vocabulary


@pytest.mark.parametrize(("size", "compute"), [(3e9, 1.3e21), (70e9, 7.05e23), (300e9, 1.3e25)])
def test_best_vocabulary_is_the_root_of_the_derivative(size: float, compute: float) -> None:
    law = library.load("vocabulary")
    c = values_of(law, "approach3", {})
    found = ask(law, "vocabulary", "approach3", Nnv=size, C=compute)
    n, nv, budget = size / 1e6, found["vocabulary_parameters"] / 1e6, compute / 1e15
    gains = c["alpha2"] * c["A2"] * nv ** -(c["alpha2"] + 1)
    costs = c["beta"] * c["B"] * (budget / 6) / (n + nv) ** 2 * (budget / 6 / (n + nv)) ** -(c["beta"] + 1)
    assert gains == pytest.approx(costs, rel=10 * ROUTES)  # a slope, steeper in V than V itself
    assert 6 * (size + found["vocabulary_parameters"]) * found["D"] == pytest.approx(compute, rel=ROUND_TRIP)
    same = ask(law, "vocabulary_of_width", "approach3", Nnv=size, C=compute, d=found["d"])
    assert same["V"] == pytest.approx(found["V"], rel=ROUTES)


def test_exponents_of_the_vocabulary_law_are_tied() -> None:
    law = library.load("vocabulary")
    assert law.parameter["alpha1"].tied == Name("beta")


def test_published_vocabulary_constants_do_not_fit_the_released_rows(data_folder: Path) -> None:
    """What the law file says of them: too high by 0.46 in tokens, too low by 0.09 in characters."""
    law = library.load("vocabulary")
    columns = bind(law, "vocab-tao2024").columns
    tokens = value(law, "Lu", "approach3", **{name: columns[name] for name in law.inputs})
    characters = bind(law, "vocab-tao2024", map={"D": "n_chars + 0"}).columns["D"]
    in_characters = value(law, "Lu", "approach3", **{name: columns[name] for name in law.inputs} | {"D": characters})
    assert np.mean(tokens - columns["Lu"]) == pytest.approx(0.46, abs=0.005)
    assert np.mean(in_characters - columns["Lu"]) == pytest.approx(-0.09, abs=0.005)
