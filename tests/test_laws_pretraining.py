"""Laws of size, tokens and compute: where they agree, what follows from them, closed forms against search."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_laws import ROUND_TRIP, ROUTES, ask, asked, at, value

from lawdsl import library
from lawdsl.errors import AskError
from lawdsl.evaluate import evaluate
from lawdsl.grammar import parse_expression
from lawdsl.published import values_of
from lawdsl.question import answer

#: A slope by differences over a step of 1e-3 of its place, of an optimum that a search knows to `ROUTES`.
SLOPE = 2e-3
#: The same law in two forms, with constants carried over in six digits.
CARRIED = 1e-5


# ---- Kaplan


def test_kaplans_laws_are_limits_of_one_another() -> None:
    endless = at("kaplan_nd", "L", "kaplan", N=1e9, D=1e40)
    assert endless == pytest.approx(float(at("kaplan_nd", "(Nc/N)^alpha_N", "kaplan", N=1e9)), rel=1e-9)
    large_batch = at("kaplan_training", "L", "kaplan", N=1e9, S=1e5, B=1e40)
    assert large_batch == pytest.approx(float(at("kaplan_steps", "L", "kaplan", N=1e9, S=1e5)), rel=ROUND_TRIP)


@pytest.mark.parametrize(("size", "steps", "batch"), [(1e6, 5e3, 5e5), (1e9, 1e5, 1e5), (1e9, 1e5, 1e7)])
def test_the_loss_along_training_is_that_of_its_own_critical_batch(size: float, steps: float, batch: float) -> None:
    """The root, put into the three laws it is made of."""
    loss = float(at("kaplan_training", "L", "kaplan", N=size, S=steps, B=batch))
    critical = float(at("kaplan_batch", "Bcrit", "kaplan", L=loss))
    assert at("kaplan_steps", "L", "kaplan", N=size, S=steps / (1 + critical / batch)) == pytest.approx(loss, rel=1e-9)
    again = asked("kaplan_training", "steps_for", "kaplan", N=size, B=batch, q=loss)["steps_for"]
    assert again == pytest.approx(steps, rel=1e-6)  # the loss is left with few digits once its floor is taken off


# ---- Chinchilla in other forms


@pytest.mark.parametrize("corpus", ["c4_original", "rpj", "rw_original"])
def test_overtraining_is_chinchilla_with_equal_exponents(corpus: str) -> None:
    values = values_of(library.load("overtraining"), "gadre", {"corpus": corpus})
    chinchilla = {
        "E": values["E"], "A": values["a"] * 6 ** -values["eta"], "B": values["b"] * 6 ** -values["eta"],
        "alpha": 2 * values["eta"], "beta": 2 * values["eta"],
    }  # fmt: skip
    for size, tokens in [(1e7, 1e9), (1e9, 1e12), (7e9, 1e11)]:
        point = {"N": size, "D": tokens}
        same = evaluate(library.load("chinchilla"), {"L": parse_expression("L")}, {**chinchilla, **point})["L"]
        found = at("overtraining", "L", "gadre", corpus=corpus, **point)
        assert found == pytest.approx(float(same), rel=ROUND_TRIP)


def test_losses_at_any_degree_of_overtraining_are_parallel() -> None:
    """On logarithmic axes, less the floor: ten times the compute divides each by the same factor."""
    law = library.load("overtraining")
    values = values_of(law, "gadre", {"corpus": "rpj"})
    for ratio in (20.0, 640.0):
        sizes = np.array([1e8, 1e8 * math.sqrt(10)])
        loss = at("overtraining", "L - E", "gadre", N=sizes, D=ratio * sizes, corpus="rpj")
        assert loss[0] / loss[1] == pytest.approx(10 ** values["eta"], rel=ROUND_TRIP)


def test_minicpm_about_its_reference_is_chinchilla() -> None:
    for size, tokens in [(1e8, 1e9), (7e9, 1e11), (7e10, 1.4e12)]:
        assert at("minicpm", "L", "besiroglu", N=size, D=tokens) == pytest.approx(
            float(value(library.load("chinchilla"), "L", "besiroglu", N=size, D=tokens)), rel=CARRIED
        )


@pytest.mark.parametrize("name", ["minicpm", "overtraining", "gemstones", "supervised"])
def test_closed_and_numeric_optimum_of_chinchillas_kin_agree(name: str) -> None:
    law = library.load(name)
    for published in law.sets:
        levels = {"corpus": "rpj"} if name == "overtraining" else {}
        for compute in (1e19, 1e23):
            numeric = ask(law, "optimum", published, "numeric", C=compute, **levels)
            assert 6 * numeric["N"] * numeric["D"] == pytest.approx(compute, rel=ROUND_TRIP)
            try:
                closed = ask(law, "optimum", published, "closed", C=compute, **levels)
            except AskError:  # a sum under an exponent, or with a factor, is searched
                continue
            assert numeric == pytest.approx(closed, rel=ROUTES)


# ---- repeated data


def test_one_epoch_of_a_small_model_is_chinchilla() -> None:
    law = library.load("data_constrained")
    values = values_of(law, "muennighoff", {})
    tokens, size = 1e11, 1e9  # below the best size for so many tokens
    plain = values["E"] + values["A"] / size ** values["alpha"] + values["B"] / tokens ** values["alpha"]
    found = at("data_constrained", "L", "muennighoff", N=size, D=tokens, U=tokens)
    assert found == pytest.approx(plain, rel=ROUND_TRIP)


def test_repetition_is_worth_ever_less_and_never_hurts() -> None:
    epochs = np.arange(1.0, 200.0)
    worth = at("data_constrained", "Dworth", "muennighoff", N=1e9, D=1e10 * epochs, U=1e10)
    gained = np.diff(worth)
    assert np.all(gained > 0) and np.all(np.diff(gained) < 0)
    limit = float(at("data_constrained", "1 + RDs", "muennighoff")) * 1e10  # all the repetitions there could be
    assert worth[-1] < limit and worth[-1] == pytest.approx(limit, rel=1e-4)


def test_with_little_data_compute_goes_into_epochs_and_size_alike() -> None:
    """The paper's advice: with repetition both grow, tokens somewhat faster."""
    plain = asked("data_constrained", "optimum", "muennighoff", C=1e21, U=1e15)
    scarce = asked("data_constrained", "optimum", "muennighoff", C=1e21, U=5e9)
    assert scarce["epochs"] > 4 and scarce["N"] < plain["N"]


# ---- models that will be used


@pytest.mark.parametrize(("loss", "served"), [(2.0, 1e11), (2.2, 1e12), (2.4, 1e13)])
def test_the_cheapest_model_balances_parameters_and_tokens(loss: float, served: float) -> None:
    found = asked("inference_aware", "cheapest", "hoffmann_approach3", q=loss, Dinf=served)
    assert at("inference_aware", "L", "hoffmann_approach3", N=found["N"], D=found["D"]) == pytest.approx(loss, rel=1e-9)
    left = asked(
        "inference_aware", "balance", "hoffmann_approach3", N=found["N"], D=found["D"], Dinf=served
    )["balance"]  # fmt: skip
    assert left == pytest.approx(0, abs=1e-4)  # a slope, where the cost is known to ROUTES squared


def test_the_more_a_model_is_used_the_smaller_it_should_be() -> None:
    sizes = [asked("inference_aware", "cheapest", "hoffmann_approach3", q=2.1, Dinf=s)["N"] for s in (1e9, 1e11, 1e13)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_only_one_rounding_of_chinchillas_constants_gives_the_papers_examples() -> None:
    """7B quality and 1e11 tokens served: 6B on 1.18 times the data."""
    law, chinchilla = library.load("inference_aware"), library.load("chinchilla")
    ratios = {}
    for name, source in [("hoffmann_approach3", law), ("hoffmann", chinchilla), ("hoffmann_tex", chinchilla)]:
        constants = {n: x for n, x in values_of(source, name, {}).items() if n in ("E", "A", "B", "alpha", "beta")}
        found = answer(law, law.questions["like"], constants, {"Nq": 7e9, "Dinf": 1e11})
        ratios[name] = float(np.ravel(found["times_the_data"])[0])
    assert ratios["hoffmann_approach3"] == pytest.approx(1.18, abs=0.005)
    assert abs(ratios["hoffmann"] - 1.18) > 0.05 and abs(ratios["hoffmann_tex"] - 1.18) > 0.01


# ---- counting


@pytest.mark.parametrize(("published", "printed"), [("besiroglu", 0.78), ("hoffmann", 0.74)])
def test_chinchilla_counted_as_kaplan_did_grows_nearly_as_kaplans(published: str, printed: float) -> None:
    """A line through the best sizes between 768 and 1.5e9 parameters has the paper's exponent; Kaplan's was 0.73.

    The line bends, so its slope moves by 0.01 with the number of budgets; twenty give the two printed digits.
    """
    ends = {"besiroglu": (1.331306e12, 3.31481e20), "hoffmann": (8.40997e11, 7.36523e20)}[published]
    budgets = np.geomspace(*ends, 20)
    sizes = [asked("reconcile", "optimum", published, C=float(c))["N"] for c in budgets]
    assert sizes[0] == pytest.approx(768, rel=1e-3) and sizes[-1] == pytest.approx(1.5e9, rel=1e-3)
    assert np.polyfit(np.log(budgets), np.log(sizes), 1)[0] == pytest.approx(printed, abs=0.005)


@pytest.mark.parametrize("published", ["besiroglu", "hoffmann"])
@pytest.mark.parametrize("compute", [1e15, 1e18, 1e21])
def test_the_local_exponent_is_the_slope_of_the_best_sizes(published: str, compute: float) -> None:
    step = 1.05
    sizes = [asked("reconcile", "optimum", published, C=compute * f)["N"] for f in (1 / step, 1.0, step)]
    slope = math.log(sizes[2] / sizes[0]) / (2 * math.log(step))
    assert asked("reconcile", "growth", published, N=sizes[1])["growth"] == pytest.approx(slope, rel=SLOPE)


def test_in_totals_the_best_size_grows_as_chinchilla_says() -> None:
    totals = [asked("reconcile", "optimum_total", "besiroglu", Ctotal=c)["total"] for c in (1e15, 1e21)]
    a = ask(library.load("chinchilla"), "exponent", "besiroglu")["exponent"]
    assert math.log(totals[1] / totals[0]) / math.log(1e6) == pytest.approx(a, rel=1e-5)


# ---- quantized training


def degradation(setting: str, tokens: float, group: float) -> float:
    """Of the paper's model of 595M parameters."""
    return float(at("qat", "delta", "chen", setting=setting, N=595e6, D=tokens, G=group))


@pytest.mark.parametrize(
    ("ratio", "group", "printed"), [(100.0, 32.0, 1.67), (1000.0, 32.0, 1.20), (1000.0, 256.0, 1.62)]
)
def test_activations_cost_more_than_weights_by_about_what_the_paper_prints(
    ratio: float, group: float, printed: float
) -> None:
    """From the printed constants 1.65, 1.23 and 1.65: within 0.03 of what is printed, and not the same."""
    cost = {s: degradation(s, 595e6 * ratio, group) for s in ("w16a4", "w4a16")}
    assert 0.005 < abs(cost["w16a4"] / cost["w4a16"] - printed) <= 0.031


def test_both_at_four_bits_cost_about_nine_tenths_of_the_sum() -> None:
    """The paper's 0.906; by the printed constants 0.91 to 0.935 at these points."""
    for tokens, group in [(59.5e9, 32.0), (595e9, 32.0), (595e9, 256.0)]:
        cost = {s: degradation(s, tokens, group) for s in ("w4a4", "w4a16", "w16a4")}
        assert cost["w4a4"] / (cost["w4a16"] + cost["w16a4"]) == pytest.approx(0.906, abs=0.03)


@pytest.mark.parametrize("memory", [1e10, 1e11, 1e12])
def test_four_bits_are_best_of_those_there_are(memory: float) -> None:
    """At a given number of bits in all; the numbers are ours and were chosen to show it."""
    bits = np.array([3.0, 4.0, 5.0, 6.0, 8.0])
    accuracy = at("kbit_inference", "acc", "ours", N=memory / (bits + 16 / 64), k=bits, Bs=64.0)
    assert bits[np.argmax(accuracy)] == 4


# ---- directions


@pytest.mark.parametrize(
    ("name", "published", "point", "falls", "grows"),
    [
        ("kaplan_nd", "kaplan", {"N": 1e9, "D": 1e10}, "N D", ""),
        ("kaplan_training", "kaplan", {"N": 1e8, "S": 1e4, "B": 1e6}, "N S B", ""),
        ("data_constrained", "muennighoff", {"N": 1e9, "D": 1e11, "U": 1e10}, "D U", ""),
        ("overtraining", "gadre", {"N": 1e9, "D": 1e11, "corpus": "rpj"}, "N D", ""),
        ("qat", "chen", {"N": 3e8, "D": 5e10, "G": 128.0, "setting": "w4a4"}, "N", "G"),
        ("farseer", "ours", {"N": 1e9, "D": 1e11}, "N D", ""),
        ("algorithmic_progress", "ours", {"N": 1e9, "D": 1e11, "t": 5.0}, "N D t", ""),
        ("transfer", "text", {"DF": 1e6, "N": 1e7}, "", "DF N"),
        ("step_law", "step_law", {"N": 1e9, "D": 1e11}, "N", "D"),
        ("rosenfeld", "ours", {"n": 1e5, "m": 1e6}, "n m", ""),
        ("train_test_compute", "jones", {"Ctrain": 1e14, "elo": -500.0}, "Ctrain", ""),
        ("rl_compute", "scalerl", {"C": 1e21}, "", "C"),
        ("pass_at_k", "ours", {"k": 100.0}, "", "k"),
    ],
)
def test_response_moves_one_way_with_each_variable(
    name: str, published: str, point: dict[str, float | str], falls: str, grows: str
) -> None:
    response = next(iter(library.load(name).outcome))
    for variable in [*falls.split(), *grows.split()]:
        curve = at(name, response, published, **{**point, variable: float(point[variable]) * np.geomspace(0.25, 4, 9)})
        assert np.all(np.diff(curve) * (1 if variable in grows.split() else -1) > 0), variable
