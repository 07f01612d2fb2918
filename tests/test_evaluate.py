"""Losses: the same as one document at a time and as lm-eval's, with standard errors that mean what they say."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
pytest.importorskip("transformers", reason="needs the measure extra")

from checkpoints import CONTEXT, text_documents, tiny_model, write_jsonl  # noqa: E402

from lawdsl.codes import CODES  # noqa: E402
from lawdsl.errors import InputError, LawdslError, OutsideError  # noqa: E402
from measure import evaluate as evaluating  # noqa: E402
from measure.corpora import Corpus, encode, read_corpus  # noqa: E402
from measure.evaluate import Losses, Windows, degradation, evaluate, token_losses, windows  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"  # torch 2.13's own use of it, at an import
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

# Sums of float32 log-softmaxes, batched and not: seen to differ by 2e-8; float32's own rounding is 6e-8 of a loss.
SAME = 1e-6
# Required of the agreement with lm-eval; seen 1e-8.
LM_EVAL = 1e-5
WINDOW = 32


@pytest.fixture(scope="module", params=["neox", "llama"])
def subject(request: pytest.FixtureRequest) -> SimpleNamespace:
    model, tokenizer = tiny_model(request.param)
    return SimpleNamespace(model=model.requires_grad_(False), tokenizer=tokenizer)


@pytest.fixture(scope="module")
def neox() -> SimpleNamespace:
    model, tokenizer = tiny_model("neox")
    return SimpleNamespace(model=model.requires_grad_(False), tokenizer=tokenizer)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Documents shorter than a window, longer, and of a whole number of windows."""
    texts = text_documents(14, seed=1, words=(4, 70))
    return read_corpus(write_jsonl(tmp_path_factory.mktemp("corpus") / "heldout.jsonl", texts))


def one_by_one(model: Any, cut: Windows) -> np.ndarray:
    """Nats of each document, a window at a time without batches, in float64."""
    nats = np.zeros(len(cut.ids))
    for start, length, counted, document in zip(cut.starts, cut.lengths, cut.counted, cut.document, strict=True):
        piece = torch.from_numpy(cut.stream[start : start + length + 1]).long()
        logits = model(input_ids=piece[None, :-1]).logits[0].double().log_softmax(-1)
        each = logits.gather(1, piece[1:, None])[:, 0]
        nats[document] -= each[length - counted :].sum().item()
    return nats


def changed(model: Any, size: float, seed: int = 0) -> Any:
    """A copy of the model whose weights are off by a little, as quantized ones are."""
    from copy import deepcopy

    other = deepcopy(model)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in other.parameters():
            weight += size * torch.randn(weight.shape, generator=noise)
    return other


def fault(code: str, call: Any, kind: type[LawdslError] = InputError) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert {found.code for found in caught.value.faults} == {code} <= set(CODES)
    return str(caught.value)


# --- the loss --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [WINDOW, 8])
def test_batches_give_what_single_windows_give(subject: SimpleNamespace, corpus: Corpus, stride: int) -> None:
    cut = windows(corpus, subject.tokenizer, WINDOW, stride)
    found = evaluate(subject.model, cut)
    assert found.nats == pytest.approx(one_by_one(subject.model, cut), rel=SAME)
    assert found.loss == pytest.approx(found.nats.sum() / found.tokens.sum())
    assert found.window_nats.sum() == pytest.approx(found.nats.sum())
    assert found.seconds > 0


def test_a_document_in_one_window_has_the_models_own_loss(subject: SimpleNamespace) -> None:
    corpus = Corpus("c", ("0",), ("the loss of a small model falls",), "")
    found = evaluate(subject.model, windows(corpus, subject.tokenizer, 8))
    tokens = torch.tensor([[0, *encode(corpus, subject.tokenizer)[0]]])
    whole = windows(corpus, subject.tokenizer, tokens.shape[1] - 1)
    found = evaluate(subject.model, whole)
    assert found.loss == pytest.approx(float(subject.model(tokens, labels=tokens).loss), rel=SAME)


def test_more_context_lowers_the_loss_of_a_trained_model(corpus: Corpus) -> None:
    model, tokenizer = tiny_model("neox", steps=60)
    short, long, overlapping = (
        evaluate(model, windows(corpus, tokenizer, window, stride)).loss
        for window, stride in ((4, 4), (32, 32), (32, 8))
    )
    assert short > long >= overlapping - 0.02
    assert long < math.log(300) - 1


def test_units() -> None:
    """64 nats of 32 tokens, 16 bytes and 8 words: 2 nats a token, 4 nats a byte, 8 nats a word."""
    found = losses(np.array([40.0, 24.0]), tokens=[16, 16], bytes=[8, 8], words=[4, 4])
    assert found.loss == 2
    assert found.bits_per_byte == pytest.approx(4 / math.log(2))
    assert found.word_perplexity == pytest.approx(math.exp(8))
    assert losses(np.array([1e6]), tokens=[10]).word_perplexity == math.inf


@pytest.mark.parametrize("limit", [1, 40, 200, 10**6])
def test_the_size_of_a_batch_changes_nothing(subject: SimpleNamespace, corpus: Corpus, limit: int) -> None:
    cut = windows(corpus, subject.tokenizer, WINDOW, 16)
    assert evaluate(subject.model, cut, limit).nats == pytest.approx(evaluate(subject.model, cut).nats, rel=SAME)


def test_the_same_windows_twice_give_the_same_bits(subject: SimpleNamespace, corpus: Corpus) -> None:
    """A degradation is a difference of two passes: what is the same must cancel."""
    cut = windows(corpus, subject.tokenizer, WINDOW)
    first, second = evaluate(subject.model, cut), evaluate(subject.model, cut)
    assert np.array_equal(first.window_nats, second.window_nats)
    assert degradation(first, second) == (0.0, 0.0)


def test_the_model_is_left_as_it_was(neox: SimpleNamespace, corpus: Corpus) -> None:
    cut = windows(corpus, neox.tokenizer, WINDOW)
    neox.model.train()
    evaluate(neox.model, cut)
    assert neox.model.training
    neox.model.eval()


def test_log_softmax_is_exact_for_large_vocabularies_and_half_logits() -> None:
    logits = torch.randn(50, 40_000, generator=torch.Generator().manual_seed(0)).mul(20)
    targets = torch.arange(50) * 7
    exact = -logits.double().log_softmax(-1)[torch.arange(50), targets]
    assert token_losses(logits, targets).double().numpy() == pytest.approx(exact.numpy(), rel=SAME)
    half = logits.to(torch.bfloat16)
    exact = -half.double().log_softmax(-1)[torch.arange(50), targets]
    assert token_losses(half, targets).double().numpy() == pytest.approx(exact.numpy(), rel=SAME)


# --- lm-eval ---------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # lm-eval's and its libraries' own
def test_word_perplexity_is_lm_evals(subject: SimpleNamespace, corpus: Corpus) -> None:
    pytest.importorskip("lm_eval", reason="what the loss is compared with")
    from lm_eval.api.instance import Instance
    from lm_eval.api.metrics import bits_per_byte, weighted_perplexity
    from lm_eval.api.task import Task
    from lm_eval.models.huggingface import HFLM

    texts = corpus.texts
    judge = HFLM(pretrained=subject.model, tokenizer=subject.tokenizer, max_length=WINDOW, batch_size=4)
    asked = [Instance("loglikelihood_rolling", {}, (text,), i) for i, text in enumerate(texts)]
    told = judge.loglikelihood_rolling(asked, disable_tqdm=True)
    found = evaluate(subject.model, windows(corpus, subject.tokenizer, WINDOW))
    assert -found.nats == pytest.approx(told, rel=LM_EVAL)
    by_word = [(nats, Task.count_words(text)) for nats, text in zip(told, texts, strict=True)]
    by_byte = [(nats, Task.count_bytes(text)) for nats, text in zip(told, texts, strict=True)]
    assert found.word_perplexity == pytest.approx(weighted_perplexity(by_word), rel=LM_EVAL)
    assert found.bits_per_byte == pytest.approx(bits_per_byte(by_byte), rel=LM_EVAL)


# --- standard errors -------------------------------------------------------------------------------------------------


def losses(nats: np.ndarray, tokens: Any, bytes: Any = None, words: Any = None, pieces: int = 1) -> Losses:
    """Losses of documents made up; each is one window unless there are more `pieces` of a single document."""
    tokens = np.asarray(tokens, np.int64)
    return Losses(
        ids=tuple(map(str, range(len(tokens)))), nats=nats, tokens=tokens,
        bytes=tokens if bytes is None else np.asarray(bytes, np.int64),
        words=tokens if words is None else np.asarray(words, np.int64),
        window_nats=np.repeat(nats / pieces, pieces), window_tokens=np.repeat(tokens // pieces, pieces),
    )  # fmt: skip


def test_standard_errors_hold_for_documents_that_differ() -> None:
    """Documents of different length and difficulty, whose tokens lean on each other: intervals cover as they should.

    2,000 corpora of 60 documents, 95 % intervals. Linearisation falls short by about 1 % at 60 clusters, so coverage
    lies near .94; the binomial error is .0055, and outside .915 .. .965 we raise a false alarm about once in 10^5 runs.
    Errors that took tokens for independent would cover less than half.
    """
    rng = np.random.default_rng(0)
    runs, documents = 2000, 60
    covered = paired = naive = 0
    for _ in range(runs):
        tokens = rng.integers(20, 400, documents)
        hard = 3 + 0.5 * rng.normal(size=documents) + 0.001 * tokens
        harm = 0.05 + 0.03 * rng.normal(size=documents)
        base = losses(tokens * hard, tokens)
        worse = losses(tokens * (hard + harm), tokens)
        mean = 3 + 0.001 * (209.5 + (380**2 - 1) / 12 / 209.5)  # over tokens: E[t^2] / E[t] = E[t] + var(t) / E[t]
        covered += abs(base.loss - mean) < 1.96 * base.loss_se
        delta, error = degradation(worse, base)
        paired += abs(delta - 0.05) < 1.96 * error
        naive += abs(base.loss - mean) < 1.96 * base.loss_se / math.sqrt(209.5)
        assert error < base.loss_se / 5
    assert 0.915 < covered / runs < 0.965
    assert 0.915 < paired / runs < 0.965
    assert naive / runs < 0.5


def test_pairing_takes_the_documents_difficulty_out(subject: SimpleNamespace, corpus: Corpus) -> None:
    cut = windows(corpus, subject.tokenizer, WINDOW)
    base = evaluate(subject.model, cut)
    other = evaluate(changed(subject.model, 1e-3), cut)
    delta, error = degradation(other, base)
    assert delta == pytest.approx(other.loss - base.loss, abs=1e-12)
    assert 0 < error < base.loss_se / 3
    back, same = degradation(base, other)
    assert (back, same) == (pytest.approx(-delta), pytest.approx(error))


def test_a_single_document_is_clustered_by_window_and_says_so(neox: SimpleNamespace) -> None:
    corpus = Corpus("book", ("0",), (" ".join(text_documents(8, seed=3)),), "")
    found = evaluate(neox.model, windows(corpus, neox.tokenizer, WINDOW))
    other = evaluate(changed(neox.model, 1e-3), windows(corpus, neox.tokenizer, WINDOW))
    assert found.clusters == "windows"
    assert 0 < found.loss_se < 1
    assert 0 < degradation(other, found)[1] < found.loss_se
    assert losses(np.array([1.0, 2.0]), [1, 1]).clusters == "documents"
    assert math.isnan(losses(np.array([1.0]), [4]).loss_se)


def test_losses_go_through_a_file(neox: SimpleNamespace, corpus: Corpus, tmp_path: Path) -> None:
    found = evaluate(neox.model, windows(corpus, neox.tokenizer, WINDOW))
    np.savez(tmp_path / "losses.npz", **found.arrays())
    with np.load(tmp_path / "losses.npz", allow_pickle=False) as arrays:
        again = Losses.of_arrays(arrays)
    assert (again.loss, again.loss_se, again.word_perplexity, again.ids, again.seconds) == (
        found.loss, found.loss_se, found.word_perplexity, found.ids, found.seconds,
    )  # fmt: skip
    assert degradation(found, again) == (0.0, 0.0)


def test_losses_of_different_windows_are_not_paired(neox: SimpleNamespace, corpus: Corpus) -> None:
    one = evaluate(neox.model, windows(corpus, neox.tokenizer, WINDOW))
    other = evaluate(neox.model, windows(corpus, neox.tokenizer, WINDOW, 16))
    with pytest.raises(ValueError, match="different windows"):
        degradation(one, other)


# --- what cannot be evaluated ----------------------------------------------------------------------------------------


def test_windows_that_are_not_for_the_model(neox: SimpleNamespace) -> None:
    corpus = Corpus("c", ("0",), (" ".join(text_documents(8)),), "")
    said = fault("MEA306", lambda: evaluate(neox.model, windows(corpus, neox.tokenizer, CONTEXT + 1)))
    assert "65 tokens, where the model sees 64" in said
    small, _ = tiny_model("neox", vocabulary=260)
    assert "the model has 260" in fault("MEA306", lambda: evaluate(small, windows(corpus, neox.tokenizer, WINDOW)))


def test_a_loss_that_overflows_is_no_observation(neox: SimpleNamespace, corpus: Corpus) -> None:
    broken = changed(neox.model, 0.0)
    with torch.no_grad():
        broken.gpt_neox.layers[0].mlp.dense_h_to_4h.weight[0, 0] = math.nan
    said = fault("MEA310", lambda: evaluate(broken, windows(corpus, neox.tokenizer, WINDOW)))
    assert "not finite" in said


class Cramped:
    """A model whose device has room for `room` tokens at a time."""

    def __init__(self, model: Any, room: int, message: str):
        self.model, self.room, self.message = model, room, message
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, input_ids: Any, **settings: Any) -> Any:
        self.sizes.append(input_ids.numel())
        if input_ids.numel() > self.room:
            raise (torch.OutOfMemoryError if "CUDA" in self.message else RuntimeError)(self.message)
        return self.model(input_ids=input_ids, **settings)


@pytest.mark.parametrize(
    "message", ["CUDA out of memory", "DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"]
)
def test_batches_halve_until_they_fit(neox: SimpleNamespace, corpus: Corpus, message: str) -> None:
    cut = windows(corpus, neox.tokenizer, WINDOW)
    cramped = Cramped(neox.model, 100, message)
    assert evaluate(cramped, cut).nats == pytest.approx(evaluate(neox.model, cut).nats, rel=SAME)
    assert sum(size > 100 for size in cramped.sizes) < 8  # what did not fit once is not tried again
    said = fault("MEA308", lambda: evaluate(Cramped(neox.model, 10, message), cut), OutsideError)
    assert "no memory for one window of 32 tokens" in said


def test_other_failures_of_a_model_are_not_taken_for_memory(neox: SimpleNamespace, corpus: Corpus) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        evaluate(Cramped(neox.model, 0, "shapes"), windows(corpus, neox.tokenizer, WINDOW))


def test_batches_follow_the_free_memory(neox: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for free in (0, 2**23, 2**26, 2**40):
        monkeypatch.setattr(evaluating, "free_memory", lambda device, free=free: free)
        sizes.append(evaluating.batch_size(neox.model, WINDOW))
    assert sizes[0] == WINDOW
    assert sizes == sorted(sizes)
    assert sizes[-1] == evaluating.MOST_TOKENS["cpu"]


# --- devices ---------------------------------------------------------------------------------------------------------


def test_tensors_follow_the_model(neox: SimpleNamespace, corpus: Corpus) -> None:
    """A model without attention on the meta device, where a tensor left on the CPU would raise."""
    cut = windows(corpus, neox.tokenizer, WINDOW, 16)
    embedding = torch.nn.Embedding(300, 8, device="meta")
    output = torch.nn.Linear(8, 300, device="meta")
    stream = torch.from_numpy(cut.stream).to("meta")

    def model(input_ids: Any, use_cache: bool) -> Any:
        return SimpleNamespace(logits=output(embedding(input_ids)))

    full = np.flatnonzero((cut.lengths == WINDOW) & (cut.counted == WINDOW))[:4]
    for batch in (full, np.arange(5)):
        sums = evaluating._sums(*evaluating._predictions(model, stream, cut, batch))
        assert (sums.device.type, sums.shape) == ("meta", (len(batch),))


def test_inputs_go_where_the_embedding_is() -> None:
    def model(device: str) -> Any:
        return SimpleNamespace(get_input_embeddings=lambda: torch.nn.Embedding(2, 2, device=device))

    assert evaluating._device(model("cpu")) == torch.device("cpu")
    assert evaluating._device(model("meta")) == torch.device("cpu")  # accelerate keeps it aside, and moves inputs


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_gpu_gives_the_cpus_loss(subject: SimpleNamespace, corpus: Corpus, dtype: str) -> None:
    """bfloat16 rounds each activation to 3 digits; the mean over tokens keeps about 3 more."""
    cut = windows(corpus, subject.tokenizer, WINDOW, 16)
    there = changed(subject.model, 0.0).to("cuda", getattr(torch, dtype))
    found, expected = evaluate(there, cut), evaluate(subject.model, cut)
    assert found.loss == pytest.approx(expected.loss, rel=1e-4 if dtype == "float32" else 2e-2)
    assert evaluate(there, cut, WINDOW).loss == pytest.approx(found.loss, rel=1e-4 if dtype == "float32" else 5e-3)


@pytest.mark.gpu
@needs_cuda
def test_batches_halve_on_a_full_gpu(neox: SimpleNamespace, corpus: Corpus) -> None:
    cut = windows(corpus, neox.tokenizer, WINDOW)
    there = changed(neox.model, 0.0).to("cuda")
    whole = evaluate(there, cut)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**22) / total)
    try:
        assert evaluate(there, cut, 10**6).loss == pytest.approx(whole.loss, rel=1e-4)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
