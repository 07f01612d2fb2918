"""Texts: documents from files, folders and datasets, their digests, and the windows that methods calibrate on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
pytest.importorskip("transformers", reason="needs the measure extra")

import pyarrow as pa  # noqa: E402
import pyarrow.parquet  # noqa: E402
from checkpoints import text_documents, tiny_tokenizer, write_jsonl  # noqa: E402

from lawdsl.codes import CODES  # noqa: E402
from lawdsl.errors import InputError, LawdslError, OutsideError  # noqa: E402
from measure.corpora import Corpus, calibration, encode, first_token, read_corpus  # noqa: E402
from measure.windows import windows  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"  # torch 2.13's own use of it, at an import
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


TEXTS = ['The first: "a, b"\r\nand a line', "", "Die zweite: äöü €", "third"]
KEPT = (TEXTS[0], TEXTS[2], TEXTS[3])


def faults(code: str, call: Any, kind: type[LawdslError] = InputError) -> list[str]:
    with pytest.raises(kind) as caught:
        call()
    assert {fault.code for fault in caught.value.faults} == {code} <= set(CODES)
    return [str(fault) for fault in caught.value.faults]


def test_every_form_gives_the_same_documents(tmp_path: Path) -> None:
    """Byte for byte, so the digest is the same too; empty documents are left out."""
    lines = write_jsonl(tmp_path / "texts.jsonl", TEXTS)
    table = tmp_path / "texts.parquet"
    pyarrow.parquet.write_table(pa.table({"id": [f"doc-{i}" for i in range(4)], "text": TEXTS}), table)
    cells = tmp_path / "texts.csv"
    quoted = ['"' + text.replace('"', '""') + '"' for text in TEXTS]
    cells.write_bytes(b"id,text\n" + "".join(f"doc-{i},{q}\n" for i, q in enumerate(quoted)).encode())
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    for i, text in enumerate(TEXTS):
        (folder / ("below" if i < 2 else ".") / f"doc-{i}").write_bytes(text.encode())
    (folder / ".hidden").write_bytes(b"\xff")
    plain = tmp_path / "texts.md"
    plain.write_bytes("\n%%\n".join(TEXTS).encode())
    read = [read_corpus(path) for path in (lines, table, cells, folder)]
    read.append(read_corpus(plain, separator="\n%%\n"))
    assert {corpus.texts for corpus in read} == {KEPT}
    assert len({corpus.digest for corpus in read}) == 1
    assert [corpus.ids for corpus in read[:3]] == [("doc-0", "doc-2", "doc-3")] * 3
    assert read[3].ids == ("below/doc-0", "doc-2", "doc-3")
    assert read[4].ids == ("texts.md#0", "texts.md#2", "texts.md#3")
    assert {corpus.name for corpus in read} == {"texts", "folder"}
    assert read_corpus(lines, "heldout").name == "heldout"


def test_a_text_file_is_one_document_and_a_limit_takes_the_first(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes(b"\xef\xbb\xbfone\n\ntwo")
    assert read_corpus(path).texts == ("one\n\ntwo",)  # the mark of order is none of the text
    assert read_corpus(path, separator="\n\n", documents=1).texts == ("one",)


def test_columns_by_name_and_rows_without_an_id(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"body": "one"}\n\n{"body": "two", "id": 7}\n')
    corpus = read_corpus(path, field="body")
    assert (corpus.ids, corpus.texts) == (("1", "7"), ("one", "two"))
    said = faults("MEA303", lambda: read_corpus(path, field="bdy"))
    assert "Did you mean 'body'?" in said[0]


def test_long_documents_in_csv(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("text\n" + "x" * 300_000 + "\n")
    assert read_corpus(path).bytes == 300_000


def test_digests_follow_texts_and_their_order_alone(tmp_path: Path) -> None:
    def of(*texts: str) -> str:
        return read_corpus(write_jsonl(tmp_path / "texts.jsonl", list(texts))).digest

    assert of("a", "b") != of("b", "a") != of("ab")
    assert of("ab", "c") != of("a", "bc")
    assert of("a", "b") == of("a", "", "b")


def test_bytes_and_words_are_those_of_lm_eval() -> None:
    corpus = Corpus("c", ("0", "1"), ("two words", " ä  b "), "")
    assert corpus.document_bytes == (9, 7)
    assert corpus.document_words == (2, 4)  # parts between white space, the empty ones at both ends too
    assert (corpus.bytes, corpus.words) == (16, 6)


# --- what is wrong with a text ---------------------------------------------------------------------------------------


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (said,) = faults("MEA301", lambda: read_corpus(tmp_path / "absent.txt"), OutsideError)
    assert "No such file" in said
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"one\ntwo \xff\n")
    (said,) = faults("MEA302", lambda: read_corpus(binary))
    assert "binary.txt:2" in said and "0xff" in said
    empty = tmp_path / "empty.txt"
    empty.touch()
    (tmp_path / "nothing").mkdir()
    for path in (empty, tmp_path / "nothing"):
        faults("MEA304", lambda path=path: read_corpus(path))


def test_every_bad_line_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "good"}\n{"text": \n[1]\n')
    said = faults("MEA302", lambda: read_corpus(path))
    assert [line.split(": MEA302")[0].rsplit("bad.jsonl", 1)[1] for line in said] == [":2:10", ":3"]
    path.write_text('{"text": 3}\n{"text": null}\n{"title": "x"}\n')
    assert len(faults("MEA303", lambda: read_corpus(path))) == 3
    path.write_text("x\n" * 100)
    said = faults("MEA302", lambda: read_corpus(path))
    assert len(said) == 21 and "80 more faults" in said[-1]


def test_a_folder_names_every_file_that_is_no_text(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"\xff\xfe")
    (tmp_path / "c.txt").write_text("good")
    assert ["a.txt" in said for said in faults("MEA302", lambda: read_corpus(tmp_path))] == [True, False]


@pytest.mark.parametrize("name", ["bad.parquet", "bad.csv"])
def test_what_only_looks_like_a_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b'text\n"open')
    faults("MEA302", lambda: read_corpus(path))


def test_a_parquet_file_without_the_column(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pa.table({"texts": ["a"]}), path)
    assert "Did you mean 'texts'?" in faults("MEA303", lambda: read_corpus(path))[0]


# --- datasets, by a stub ---------------------------------------------------------------------------------------------


class Rows(list[dict[str, Any]]):
    """What `datasets` gives: rows with column names."""

    @property
    def column_names(self) -> list[str]:
        return list(self[0])

    def select_columns(self, names: list[str]) -> Rows:
        return Rows({name: row[name] for name in names} for row in self)


def test_datasets_by_name_config_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(*names: Any, split: str) -> Rows:
        asked.append((*names, split))
        return Rows([{"text": "one", "page": 1}, {"text": "two", "page": 2}])

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    corpus = read_corpus("hf:wikitext:wikitext-2-raw-v1:validation")
    assert (corpus.name, corpus.texts) == ("wikitext:wikitext-2-raw-v1:validation", ("one", "two"))
    read_corpus("hf:owner/set")
    read_corpus("hf:owner/set:train")
    assert asked == [
        ("wikitext", "wikitext-2-raw-v1", "validation"),
        ("owner/set", None, "test"),
        ("owner/set", None, "train"),
    ]
    faults("MEA303", lambda: read_corpus("hf:owner/set", field="body"))
    faults("MEA302", lambda: read_corpus("hf:a:b:c:d"))


def test_datasets_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*_: Any, **__: Any) -> Any:
        raise ConnectionError("Couldn't reach 'x' on the Hub")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert "Couldn't reach" in faults("MEA307", lambda: read_corpus("hf:x"), OutsideError)[0]
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install datasets" in faults("MEA307", lambda: read_corpus("hf:x"), OutsideError)[0]


# --- calibration -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return read_corpus(write_jsonl(tmp_path_factory.mktemp("corpus") / "c.jsonl", text_documents(30, seed=5)))


def test_calibration_windows_are_pieces_of_the_text_and_depend_on_the_seed_alone(
    corpus: Corpus, tokenizer: Any
) -> None:
    tokens = calibration(corpus, tokenizer, samples=16, length=32, seed=3)
    assert (tokens.shape, tokens.dtype) == ((16, 32), torch.int64)
    stream = [token for document in encode(corpus, tokenizer) for token in (0, *document)]
    pieces = {tuple(stream[i : i + 32]) for i in range(len(stream) - 31)}
    assert {tuple(row) for row in tokens.tolist()} <= pieces
    assert torch.equal(tokens, calibration(corpus, tokenizer, samples=16, length=32, seed=3))
    assert not torch.equal(tokens, calibration(corpus, tokenizer, samples=16, length=32, seed=4))


def test_calibration_places_do_not_repeat_while_there_are_others(corpus: Corpus, tokenizer: Any) -> None:
    stream = sum(len(document) + 1 for document in encode(corpus, tokenizer))
    tokens = calibration(corpus, tokenizer, samples=stream - 31, length=32)
    everything = calibration(corpus, tokenizer, samples=1, length=stream)[0]
    assert sorted(tokens.tolist()) == sorted(everything.unfold(0, 32, 1).tolist())
    assert calibration(corpus, tokenizer, samples=stream, length=32).shape == (stream, 32)


def test_calibration_needs_text_and_sizes(corpus: Corpus, tokenizer: Any) -> None:
    faults("MEA304", lambda: calibration(corpus, tokenizer, length=10**6))
    for sizes in ({"samples": 0, "length": 8}, {"samples": 2, "length": 0}):
        faults("MEA305", lambda sizes=sizes: calibration(corpus, tokenizer, **sizes))
    tokenizer_of_16 = tiny_tokenizer()
    tokenizer_of_16.model_max_length = 16
    assert calibration(corpus, tokenizer_of_16, samples=2).shape == (2, 16)


def test_the_first_token_is_predicted_from_the_begin_or_the_end_token(tokenizer: Any) -> None:
    assert first_token(tokenizer) == 0
    assert first_token(SimpleNamespace(bos_token_id=None, eos_token_id=7)) == 7
    faults("MEA309", lambda: first_token(SimpleNamespace(bos_token_id=None, eos_token_id=None)))


# --- windows ---------------------------------------------------------------------------------------------------------


def rolling(tokens: list[int], window: int, stride: int) -> list[tuple[list[int], list[int]]]:
    """(input, predicted) of each window, as lm-eval 0.4.13's get_rolling_token_windows lists them (begin token 0)."""
    found = []
    done = min(window, len(tokens))
    if done:
        found.append(([0, *tokens[: done - 1]], tokens[:done]))
    while done < len(tokens):
        new = min(len(tokens) - done, stride)
        end = done + new
        found.append((([0, *tokens])[end - window : end], tokens[end - new : end]))
        done = end
    return found


@pytest.mark.parametrize(("window", "stride"), [(16, 16), (16, 4), (16, 1), (7, 5), (1, 1), (64, None), (200, 50)])
def test_windows_are_those_of_lm_eval(corpus: Corpus, tokenizer: Any, window: int, stride: int | None) -> None:
    cut = windows(corpus, tokenizer, window, stride)
    expected = [
        (index, *pair)
        for index, tokens in enumerate(encode(corpus, tokenizer))
        for pair in rolling(tokens, window, stride or window)
    ]
    found = [
        (
            int(cut.document[i]),
            cut.stream[start : start + length].tolist(),
            cut.stream[start + length - counted + 1 : start + length + 1].tolist(),
        )
        for i, (start, length, counted) in enumerate(zip(cut.starts, cut.lengths, cut.counted, strict=True))
    ]
    assert found == expected
    assert np.array_equal(np.bincount(cut.document, cut.counted, len(corpus.ids)), cut.tokens)


def test_the_windows_are_lm_evals_own(corpus: Corpus, tokenizer: Any) -> None:
    """The list above against the original, where it is installed."""
    pytest.importorskip("lm_eval", reason="the original of the scheme")
    from lm_eval.utils import get_rolling_token_windows

    for tokens in encode(corpus, tokenizer)[:10]:
        for window, stride in ((16, 16), (16, 4), (16, 1), (7, 5), (200, 50)):
            theirs = get_rolling_token_windows(tokens, 0, window, window - stride + 1)
            assert [(list(a), list(b)) for a, b in theirs] == rolling(tokens, window, stride)


def test_windows_need_text_and_sizes(corpus: Corpus, tokenizer: Any) -> None:
    (said,) = faults("MEA304", lambda: windows(corpus, tokenizer, 100_000))
    assert "fewer than one window of 100,000" in said
    for window, stride in ((0, None), (8, 9), (8, 0), (-1, -1)):
        faults("MEA305", lambda window=window, stride=stride: windows(corpus, tokenizer, window, stride))


def test_a_document_that_opens_with_the_begin_token_is_not_led_twice_by_its_tokenizer(tokenizer: Any) -> None:
    """Special tokens that a tokenizer adds by itself are left out: the scheme puts the begin token once."""
    from tokenizers.processors import TemplateProcessing

    adding = tiny_tokenizer()
    adding.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    corpus = Corpus("c", ("0",), ("the law of a model",), "")
    assert adding(corpus.texts[0])["input_ids"][0] == 0
    assert encode(corpus, adding) == encode(corpus, tokenizer)


def test_rows_of_json_are_what_the_file_says(tmp_path: Path) -> None:
    """A line separator of Unicode ends no line of JSON."""
    path = tmp_path / "u.jsonl"
    path.write_text(json.dumps({"text": "a\u2028b"}, ensure_ascii=False) + "\n")
    assert read_corpus(path).texts == ("a\u2028b",)
