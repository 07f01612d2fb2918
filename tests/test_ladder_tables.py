"""What the tables of our own ladder hold, and what they show: statements that the cards make, tested on the rows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from lawdsl import catalogue

Row = dict[str, Any]
#: 8 bits are as good as 16: within so many standard errors of no degradation, or under so many nats/token
ERRORS, NATS = 3.0, 0.001


@pytest.fixture(scope="module", autouse=True)
def shipped_only() -> Any:
    """The tables as they ship, whatever folder LAWDSL_DATA names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LAWDSL_DATA", raising=False)
        yield


@pytest.fixture(scope="module")
def losses() -> list[Row]:
    return rows("ladder-loss")


@pytest.fixture(scope="module")
def degradations() -> list[Row]:
    return rows("ladder-qid")


@pytest.fixture(scope="module")
def precisions() -> list[Row]:
    return rows("ladder-precision")


@pytest.fixture(scope="module")
def vocabularies() -> list[Row]:
    return rows("ladder-vocabulary")


def rows(table: str) -> list[Row]:
    return list(catalogue.read(table).table.to_pylist())


def by_checkpoint(found: list[Row], **wanted: Any) -> dict[tuple[str, int], dict[float, Row]]:
    """(run, tokens) -> bits -> row, of one method."""
    table: dict[tuple[str, int], dict[float, Row]] = defaultdict(dict)
    for row in found:
        if all(row[name] == value for name, value in wanted.items()):
            table[row["run"], row["n_tokens"]][row["bits"]] = row
    return table


def test_sizes_span_two_decades_and_tokens_a_parameter_more(losses: list[Row]) -> None:
    sizes = {row["n_params_non_embed"] for row in losses}
    assert len(sizes) >= 6 and max(sizes) / min(sizes) > 100
    ratios = [row["n_tokens"] / row["n_params_non_embed"] for row in losses]
    assert min(ratios) < 5 and max(ratios) > 1000


def test_half_of_the_sizes_have_two_seeds(losses: list[Row], degradations: list[Row]) -> None:
    for table in (losses, degradations):
        seeds: dict[int, set[int]] = defaultdict(set)
        for row in table:
            seeds[row["n_params_non_embed"]].add(row["seed"])
        assert sum(len(found) >= 2 for found in seeds.values()) * 2 >= len(seeds) == 6


def test_there_are_two_thousand_degradations_by_five_methods(degradations: list[Row]) -> None:
    assert len(degradations) >= 2000
    assert {"rtn", "gptq", "hqq", "nf4", "minifloat"} <= {row["method"] for row in degradations}
    assert {row["bits"] for row in degradations if row["method"] == "rtn"} == {2, 3, 4, 5, 6, 8}
    assert all(row["delta_loss_se"] > 0 for row in degradations)


def test_every_row_says_how_its_model_was_trained(
    losses: list[Row], degradations: list[Row], precisions: list[Row], vocabularies: list[Row]
) -> None:
    for row in [*losses, *degradations, *precisions, *vocabularies]:
        assert row["schedule"] == "constant" and row["weight_decay"] == 0.1 and row["warmup_tokens"] == 409_600
        assert row["learning_rate"] == pytest.approx(row["base_learning_rate"] * 32 / row["width"], rel=1e-3)


def test_loss_falls_with_training_and_with_size(losses: list[Row]) -> None:
    """Along each run from checkpoint to checkpoint; at equal tokens from size to size, as long as no model has learned
    to copy from its context, which the deeper ones do between 4 and 8 million tokens. Up to the noise of a step.
    """
    runs: dict[str, list[Row]] = defaultdict(list)
    for row in losses:
        runs[row["run"]].append(row)
    for run in runs.values():
        ordered = [row["loss"] for row in sorted(run, key=lambda row: row["n_tokens"])]
        assert all(later < earlier + 0.02 for earlier, later in zip(ordered, ordered[1:], strict=False))
    for tokens in {row["n_tokens"] for row in losses if row["n_tokens"] < 4e6}:
        first = {row["n_params"]: row["loss"] for row in losses if row["n_tokens"] == tokens and row["seed"] == 0}
        ordered = [first[size] for size in sorted(first)]
        assert all(larger < smaller + 0.05 for smaller, larger in zip(ordered, ordered[1:], strict=False)), tokens


def test_fewer_bits_lose_more_at_every_checkpoint(degradations: list[Row]) -> None:
    for method in ("rtn", "gptq"):
        found = by_checkpoint(degradations, method=method, group=32, symmetric=0)
        assert found
        for of in found.values():
            ladder = [of[bits]["delta_loss"] for bits in (2, 3, 4) if bits in of]
            assert ladder == sorted(ladder, reverse=True)


def test_integers_of_eight_bits_are_as_good_as_sixteen(degradations: list[Row]) -> None:
    """Of the small floats E4M3 is not: its three bits of mantissa lose up to 0.004 nats/token."""
    eight = [row for row in degradations if row["bits"] == 8 and row["method"] in ("rtn", "gptq")]
    assert eight
    for row in eight:
        assert abs(row["delta_loss"]) < max(NATS, ERRORS * row["delta_loss_se"]), row["format"]


def test_gptq_beats_rounding_to_nearest_at_3_bits(degradations: list[Row]) -> None:
    nearest = by_checkpoint(degradations, method="rtn", group=32, symmetric=0)
    gptq = by_checkpoint(degradations, method="gptq", group=32, symmetric=0)
    both = [at for at in gptq if 3 in gptq[at] and 3 in nearest[at]]
    better = [at for at in both if gptq[at][3]["delta_loss"] < nearest[at][3]["delta_loss"]]
    assert len(better) >= 0.8 * len(both) > 0


def test_bits_as_stored_count_scales_and_zeros(degradations: list[Row]) -> None:
    """A group of 32 adds a scale of 16 bits and, without symmetry, a zero of as many bits as a code."""
    for row in degradations:
        if row["method"] in ("rtn", "gptq") and row["group"] == 32:
            extra = (16 + (0 if row["symmetric"] else row["bits"])) / 32
            assert row["bits_per_weight"] == pytest.approx(row["bits"] + extra, rel=1e-3)


def test_training_at_fewer_bits_costs_more(precisions: list[Row]) -> None:
    """At every size and number of tokens; from 6 bits on nothing that is above the noise of a step."""
    table: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    for row in precisions:
        table[row["n_params_non_embed"], row["n_tokens"]][row["weight_bits"]] = row["loss"]
    assert len({size for size, _ in table}) >= 3
    for loss in table.values():
        assert set(loss) == {2, 3, 4, 6, 8, 16}
        assert loss[2] > loss[3] > loss[6] and loss[2] > loss[4] > loss[6]
        assert abs(loss[6] - loss[16]) < 0.006 and abs(loss[8] - loss[16]) < 0.002


def test_vocabularies_are_compared_on_the_same_text(vocabularies: list[Row]) -> None:
    """Five of them at three sizes; loss per byte is loss per token by the same bytes, whatever the words."""
    table: dict[tuple[int, int], dict[int, Row]] = defaultdict(dict)
    for row in vocabularies:
        table[row["n_params_non_embed"], row["n_tokens"]][row["vocab_size"]] = row
    assert len({size for size, _ in table}) >= 3
    for of in table.values():
        assert set(of) == {257, 512, 1024, 2048, 4096}
        for row in of.values():
            assert row["unigram_normalized_loss"] == pytest.approx(row["loss"] - row["unigram_loss"], abs=2e-5)
        characters = [of[words]["n_characters"] for words in sorted(of)]
        assert characters == sorted(characters)


def test_the_best_vocabulary_grows_with_training(vocabularies: list[Row]) -> None:
    """Up to 3M tokens, where no model has learned to copy from its context."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for row in (row for row in vocabularies if row["n_tokens"] < 3e6):
        at = row["n_params_non_embed"], row["n_tokens"]
        best[at] = min(best.get(at, (0.0, 0)), (row["unigram_normalized_loss"], row["vocab_size"]))
    for size in {size for size, _ in best}:
        along = [best[at][1] for at in sorted(best) if at[0] == size]
        assert along == sorted(along) and along[0] < along[-1]
