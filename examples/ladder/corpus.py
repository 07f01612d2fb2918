"""The ladder's text: the Linux source as Debian packs it, cut into training, calibration and evaluation documents.

    python examples/ladder/corpus.py WORK        # fetches linux-source-6.1 with apt-get (139 MB) unless WORK has it

A document is a file: C sources and headers under 400 kB, and the Documentation's texts. Copies are dropped, by the
sha256 of the text. One document in fifty is held out for evaluation, one in fifty for calibration, chosen by the hash
of its path, so that another release of the package splits the same way. Written to WORK:

    train.jsonl, calibration.jsonl, evaluation.jsonl   one {"id": path, "text": text} a line
    bpe-V/                           a byte-level BPE tokenizer of V words, trained on 10 MB of train.jsonl
    tokens-V.npy                     uint16, the training documents in a seeded order, each after an <|endoftext|>
    corpus.json                      package, version, sha256 of the .deb and of every file above, counts

The text is GPL-2 and is not shipped; the numbers measured on it are ours.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PACKAGE = "linux-source-6.1"
VOCABULARIES = (257, 512, 1024, 2048, 4096)  # 257: the bytes and the end mark, without a merge
LARGEST_FILE = 400_000  # bytes; larger ones are generated tables of registers
TRAINING_TEXT = 120_000_000  # characters: some 60M tokens at 1,024 words, more than any run sees
BPE_TEXT = 10_000_000  # characters
EVALUATION_DOCUMENTS, EVALUATION_CHARACTERS = 256, 480  # a piece of some 256 tokens from each
END = "<|endoftext|>"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    if (work / "corpus.json").is_file():
        print(f"{work / 'corpus.json'} is there already")
        return
    package = _package(work)
    facts = {"package": package.name, "sha256": {package.name: _digest(package)}}
    facts |= _split(package, work)
    for words in VOCABULARIES:
        tokenizer = _tokenizer(words, work)
        facts[f"tokens_{words}"] = _encode(tokenizer, words, work)
    for path in sorted([*work.glob("*.jsonl"), *work.glob("tokens-*.npy"), *work.glob("bpe-*/tokenizer.json")]):
        facts["sha256"][str(path.relative_to(work))] = _digest(path)
    (work / "corpus.json").write_text(json.dumps(facts, indent=2) + "\n")


def _package(work: Path) -> Path:
    found = sorted(work.glob(f"{PACKAGE}_*.deb"))
    if not found:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=work, check=True)
        found = sorted(work.glob(f"{PACKAGE}_*.deb"))
    return found[-1]


def _documents(package: Path, work: Path) -> Iterator[tuple[str, str]]:
    """(path, text) of every document, in the archive's order, copies dropped."""
    unpacked = work / "unpacked"
    archive = unpacked / f"usr/src/{PACKAGE}.tar.xz"
    if not archive.is_file():
        subprocess.run(["dpkg", "-x", str(package), str(unpacked)], check=True)
    seen = set()
    with tarfile.open(archive, "r|xz") as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            code = name.endswith((".c", ".h")) and "asic_reg" not in name
            prose = name.startswith("Documentation/") and name.endswith((".rst", ".txt"))
            if not (member.isfile() and (code or prose) and 1_000 <= member.size <= LARGEST_FILE):
                continue
            handle = tar.extractfile(member)
            assert handle is not None
            content = handle.read()
            digest = hashlib.sha256(content).digest()
            if digest not in seen:
                seen.add(digest)
                yield name, content.decode("utf-8", errors="replace")


def _split(package: Path, work: Path) -> dict[str, int]:
    """Write the three sets of documents; counts."""
    sets: dict[str, list[tuple[str, str]]] = {"train": [], "calibration": [], "evaluation": []}
    for name, text in _documents(package, work):
        share = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 50
        sets["evaluation" if share == 0 else "calibration" if share == 1 else "train"].append((name, text))
    order = random.Random(0)
    for documents in sets.values():
        documents.sort()
        order.shuffle(documents)
    sets["evaluation"] = [
        (name, _piece(text, order)) for name, text in sets["evaluation"] if len(text) > 4 * EVALUATION_CHARACTERS
    ][:EVALUATION_DOCUMENTS]
    sets["calibration"] = sets["calibration"][:512]
    kept, size = [], 0
    for name, text in sets["train"]:
        if size < TRAINING_TEXT:
            kept.append((name, text))
            size += len(text)
    sets["train"] = kept
    for which, documents in sets.items():
        with (work / f"{which}.jsonl").open("w", encoding="utf-8") as out:
            for name, text in documents:
                out.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")
    return {f"{which}_documents": len(documents) for which, documents in sets.items()} | {"train_characters": size}


def _piece(text: str, order: random.Random) -> str:
    """A piece of a document, from the beginning of a line somewhere in its middle: its head is mostly licence."""
    at = order.randrange(len(text) // 4, len(text) - EVALUATION_CHARACTERS)
    at = text.rfind("\n", 0, at) + 1
    return text[at : at + EVALUATION_CHARACTERS]


def _texts(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def _tokenizer(words: int, work: Path) -> Tokenizer:
    """A byte-level BPE of `words` words in all, the end of text being word 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()

    def some() -> Iterator[str]:
        size = 0
        for text in _texts(work / "train.jsonl"):
            if size > BPE_TEXT:
                return
            size += len(text)
            yield text

    trainer = trainers.BpeTrainer(
        vocab_size=words,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(some(), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END)
    fast.save_pretrained(work / f"bpe-{words}")
    return tokenizer


def _encode(tokenizer: Tokenizer, words: int, work: Path) -> int:
    end = tokenizer.token_to_id(END)
    texts = list(_texts(work / "train.jsonl"))
    parts = []
    for at in range(0, len(texts), 256):
        for encoding in tokenizer.encode_batch(texts[at : at + 256]):
            parts.append(np.array([end, *encoding.ids], np.uint16))
    tokens = np.concatenate(parts)
    np.save(work / f"tokens-{words}.npy", tokens)
    return len(tokens)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


if __name__ == "__main__":
    main()
