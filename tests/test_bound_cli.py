"""`lawdsl bound` on a tiny checkpoint: losses token by token, terms, the table, JSON, and what is said of faults."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
pytest.importorskip("transformers", reason="needs the measure extra")

from checkpoints import END, text_documents, tiny_llama, tiny_model, tiny_neox, write_jsonl  # noqa: E402

from lawdsl.cli import run  # noqa: E402
from measure.by_token import by_token  # noqa: E402
from measure.corpora import read_corpus  # noqa: E402
from measure.evaluate import evaluate, windows  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"  # torch 2.13's own use of it, at an import
)
#: float32 sums of some hundred logits
SINGLE = 1e-4
#: training tokens of the tiny checkpoint, by its training.json
TOKENS = 1_000_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint trained a little, and texts."""
    folder = tmp_path_factory.mktemp("made")
    tiny_neox(folder / "run", steps=60)
    write_jsonl(folder / "shown.jsonl", text_documents(12, seed=1))
    write_jsonl(folder / "other.jsonl", text_documents(12, seed=2))
    return folder


@pytest.fixture
def lawdsl(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run(["bound", *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture(scope="module")
def answer(made: Path) -> dict[str, Any]:
    """Two formats on two texts, measured once."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run([
            "bound", str(made / "run"), "--corpus", f"shown={made / 'shown.jsonl'}", "--corpus",
            str(made / "other.jsonl"), "--format", "rtn-4b-g32-asym", "--format", "rtn-2b-g32-asym", "--json",
        ])  # fmt: skip
    assert status == 0
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


# --- losses and entropies ---


@pytest.mark.parametrize("kind", ["neox", "llama"])
@pytest.mark.parametrize("batch_tokens", [None, 100])
def test_tokens_add_up_to_what_evaluate_finds(tmp_path: Path, kind: str, batch_tokens: int | None) -> None:
    model, tokenizer = tiny_model(kind, spread=0.3)
    cut = windows(read_corpus(write_jsonl(tmp_path / "x.jsonl", text_documents(7, seed=5))), tokenizer, 24, 16)
    found, whole = by_token(model, cut, batch_tokens), evaluate(model, cut)
    assert found.losses.nats == pytest.approx(whole.nats, rel=SINGLE)
    assert found.losses.window_nats == pytest.approx(whole.window_nats, rel=SINGLE)
    assert len(found.nats) == len(found.entropies) == cut.tokens.sum() and found.vocabulary == 300
    ends = np.cumsum(cut.counted)
    assert found.nats[: ends[0]].sum() == pytest.approx(whole.window_nats[0], rel=SINGLE)
    assert np.all(found.entropies > 0) and np.all(found.entropies <= math.log(300) + SINGLE)


def test_an_entropy_is_the_mean_loss_of_what_the_model_would_say(tmp_path: Path) -> None:
    """By hand, for the tokens of one document in one window."""
    model, tokenizer = tiny_model("neox", spread=0.3)
    text = text_documents(1, seed=5)[0]
    ids = [tokenizer.convert_tokens_to_ids(END), *tokenizer(text)["input_ids"]][:41]
    cut = windows(read_corpus(write_jsonl(tmp_path / "x.jsonl", [text])), tokenizer, 40)
    found = by_token(model, cut)
    with torch.no_grad():
        logs = model(torch.tensor([ids[:-1]])).logits[0].double().log_softmax(-1)
    assert found.nats[:40] == pytest.approx((-logs[range(40), ids[1:]]).numpy(), rel=SINGLE)
    assert found.entropies[:40] == pytest.approx((-(logs.exp() * logs).sum(-1)).numpy(), rel=SINGLE)


# --- the terms ---


def test_terms_are_those_of_the_checkpoint(answer: dict[str, Any]) -> None:
    assert answer["tokens"] == TOKENS and answer["delta"] == 0.05 and answer["unit"] == "nats/token"
    cells = [(cell["format"], cell["corpus"]) for cell in answer["bounds"]]
    assert cells == [(f"rtn-{bits}b-g32-asym", text) for bits in (4, 2) for text in ("shown", "other")]
    for cell in answer["bounds"]:
        freedman, azuma = cell["freedman"], cell["azuma"]
        parts = cell["loss"] + cell["gap"] + freedman["smoothing"] + freedman["range_term"] + freedman["variation_term"]
        assert freedman["bound"] == pytest.approx(parts, rel=1e-9)
        assert azuma["bound"] == pytest.approx(
            cell["loss"] + cell["gap"] + azuma["smoothing"] + azuma["slack"], rel=1e-9
        )
        assert cell["vocabulary"] == 300 and cell["uniform_guess"] == pytest.approx(math.log(300))
        assert cell["vacuous"] == (freedman["bound"] >= math.log(300))
        # embeddings, head, norms and biases stay at the 32 bits they are stored in
        assert cell["bits_per_weight"] < cell["bits_per_parameter"] < 32
        bits = cell["bits_per_parameter"] * answer["parameters"]
        choices = 1000 * 100 * 2
        expected = (bits * math.log(2) + math.log(choices / 0.05)) / TOKENS
        assert freedman["complexity"] == pytest.approx(expected, rel=1e-9)
    four, two = (answer["bounds"][i] for i in (0, 2))
    assert four["gap"] < two["gap"] and four["gap_se"] < two["gap_se"]
    assert four["freedman"]["complexity"] > two["freedman"]["complexity"]
    # codes, and for every 32 weights a scale of 16 bits and a zero of as many as a code
    assert [cell["bits_per_weight"] for cell in (four, two)] == pytest.approx([4 + 20 / 32, 2 + 18 / 32], abs=0.05)


def test_what_is_recalled_is_said(answer: dict[str, Any]) -> None:
    told = " ".join(answer["notes"])
    assert "proved in measure/bounds.py" in told and "recalled, not seen" in told
    assert "taken for a sample of the training text" in told


def test_the_unrounded_checkpoint_has_no_gap(made: Path, lawdsl: Any) -> None:
    status, out, _ = lawdsl(made / "run", "--corpus", made / "shown.jsonl", "--format", "none", "--json")
    (cell,) = json.loads(out)["bounds"]
    assert (status, cell["gap"], cell["gap_se"], cell["bits_per_parameter"]) == (0, 0, 0, 32)


def test_more_tokens_and_calibration_and_a_table_to_read(made: Path, lawdsl: Any) -> None:
    shown = made / "shown.jsonl"
    arguments = (made / "run", "--corpus", shown, "--format", "gptq-3b-g32-asym", "--calibration", made / "other.jsonl")
    status, out, err = lawdsl(*arguments, "--tokens", "1B", "--documents", 5, "--window", 32)
    assert status == 0, err
    lines = out.splitlines()
    assert "gptq-3b-g32-asym on shown: at most " in lines[0] and "with probability 0.95" in lines[0]
    table = {line[:18].strip(): float(line[20:].split()[0]) for line in lines[4:]}
    parts = ["training loss", "quantization gap", "smoothing", "range x complexity", "loss variation"]
    assert list(table) == [*parts, "Freedman bound", "Azuma bound", "closed form"]
    assert sum(table[part] for part in parts) == pytest.approx(table["Freedman bound"], abs=5e-4)  # four digits each
    assert table["Freedman bound"] < table["Azuma bound"] < math.log(300)
    assert "recalled, not seen" in err


def test_a_vacuous_bound_says_so(tmp_path: Path, lawdsl: Any) -> None:
    place = tiny_llama(tmp_path / "fresh")
    text = write_jsonl(tmp_path / "x.jsonl", text_documents(6, seed=1))
    status, out, _ = lawdsl(place, "--corpus", text, "--format", "rtn-4b-g32-asym", "--tokens", "10K")
    assert status == 0 and "so it says nothing" in out


# --- faults ---


def test_faults_come_together(made: Path, lawdsl: Any) -> None:
    status, out, err = lawdsl(
        made / "run", "--corpus", "a=", "--format", "rtm-4b", "--format", "rtn-4b", "--delta", 1, "--tokens", "many"
    )
    assert (status, out) == (2, "")
    assert err.count("MEA502") == 3 and "MEA201" in err and "MEA208" in err


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["--format", "gptq-4b-g32-asym"], 2, "MEA209"),
        (["--format", "rtn-4b-g32-asym", "--corpus", "none.jsonl"], 3, "MEA301"),
        (["--format", "rtn-4b-g32-asym", "--window", 1000], 2, "MEA306"),
        (["--format", "rtn-4b-g32-asym", "--dtype", "int3"], 2, "MEA109"),
        (["--format", "rtn-4b-g32-asym", "--device", "tpu"], 2, "MEA108"),
        (["--format", "rtn-4b-g32-asym", "--window", 0], 2, "ASK092"),
    ],
)
def test_faults_one_by_one(made: Path, lawdsl: Any, arguments: list[Any], status: int, code: str) -> None:
    found, out, err = lawdsl(made / "run", "--corpus", made / "shown.jsonl", *arguments)
    assert (found, out) == (status, "")
    assert code in err


def test_nothing_says_how_long_it_was_trained(tmp_path: Path, lawdsl: Any) -> None:
    place = tiny_neox(tmp_path / "run")
    (place / "training.json").unlink()
    text = write_jsonl(tmp_path / "x.jsonl", text_documents(6, seed=1))
    status, out, err = lawdsl(place, "--corpus", text, "--format", "rtn-4b-g32-asym")
    assert (status, out) == (2, "")
    assert "MEA501" in err and "--tokens" in err
    assert lawdsl(tmp_path / "none", "--corpus", text, "--format", "none")[0] == 2


def test_the_extra_is_asked_for(made: Path, lawdsl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lawdsl.cli import measure

    monkeypatch.setattr(measure, "find_spec", lambda name: None)
    status, _, err = lawdsl(made / "run", "--corpus", made / "shown.jsonl", "--format", "none")
    assert status == 3 and "MEA405" in err and "lawdsl[measure]" in err
