"""Checkpoints: what is known before loading, what loading gives, and what is said where that cannot be."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the measure extra")
transformers = pytest.importorskip("transformers", reason="needs the measure extra")

from checkpoints import save, tiny_llama, tiny_model, tiny_neox  # noqa: E402

from lawdsl.codes import CODES  # noqa: E402
from lawdsl.errors import InputError, LawdslError, OutsideError  # noqa: E402
from measure import checkpoints, hub  # noqa: E402
from measure.checkpoints import Source, describe, load, pick_device  # noqa: E402
from measure.devices import free_memory, pick_dtype  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"  # torch 2.13's own use of it, at an import
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture(scope="module")
def neox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_neox(tmp_path_factory.mktemp("neox") / "tokens-1000000")


@pytest.fixture
def copy(neox: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may break."""
    return shutil.copytree(neox, tmp_path / "broken")


def fault(code: str, call: Any, kind: type[LawdslError] = InputError) -> str:
    """The text of the single fault that a call raises, whose code and cure are as they should be."""
    with pytest.raises(kind) as caught:
        call()
    (found,) = caught.value.faults
    assert (found.code, code in CODES) == (code, True)
    assert found.cure
    return str(found)


def rewrite(path: Path, **changes: Any) -> None:
    """Changes a JSON object in a file; None takes a key away."""
    changed = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in changed.items() if value is not None}))


# --- what is known before loading ------------------------------------------------------------------------------------


def test_parameters_are_counted_by_kind(neox: Path) -> None:
    found = describe(Source(str(neox)))
    model, _ = load(Source(str(neox)))
    every = sum(p.numel() for p in model.parameters())
    blocks = sum(p.numel() for p in model.gpt_neox.layers.parameters())
    norm = sum(p.numel() for p in model.gpt_neox.final_layer_norm.parameters())
    assert (found.n_params, found.n_params_non_embed) == (every, blocks + norm)
    assert every - blocks - norm == 2 * 300 * 32  # embedding and head


def test_a_tied_head_counts_once(tmp_path: Path) -> None:
    tied = describe(Source(str(tiny_llama(tmp_path / "tied", tied=True))))
    loose = describe(Source(str(tiny_llama(tmp_path / "loose"))))
    assert loose.n_params - tied.n_params == 300 * 32
    assert tied.n_params_non_embed == loose.n_params_non_embed


def test_position_embeddings_are_embeddings(tmp_path: Path) -> None:
    config = transformers.GPT2Config(vocab_size=300, n_positions=64, n_embd=32, n_layer=1, n_head=2)
    _, tokenizer = tiny_model("neox")
    found = describe(Source(str(save(tmp_path / "gpt2", transformers.GPT2LMHeadModel(config), tokenizer))))
    assert found.n_params - found.n_params_non_embed == (300 + 64) * 32


def test_buffers_kept_beside_the_parameters_do_not_count(copy: Path, neox: Path) -> None:
    """Pythia's older files hold attention masks of 2,048 x 2,048."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    tensors["gpt_neox.layers.0.attention.bias"] = torch.ones(1, 1, 64, 64, dtype=torch.uint8)
    tensors["gpt_neox.layers.0.attention.rotary_emb.inv_freq"] = torch.ones(4)
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    assert describe(Source(str(copy))).n_params == describe(Source(str(neox))).n_params
    load(Source(str(copy)))


def test_training_facts_become_columns_and_a_plan_overrides_them(neox: Path) -> None:
    found = describe(Source(str(neox)))
    assert (found.run, found.n_tokens, found.facts) == ("tiny-s0", 1e6, {"seed": 0, "learning_rate": 4e-3})
    given = describe(Source(str(neox), tokens=5e9, run="mine"))
    assert (given.run, given.n_tokens, given.facts) == ("mine", 5e9, found.facts)


def test_without_training_json_the_folder_is_the_run_and_tokens_are_unknown(copy: Path) -> None:
    (copy / "training.json").unlink()
    found = describe(Source(str(copy)))
    assert (found.run, found.n_tokens, found.facts) == ("broken", None, {})


def test_digests_are_of_contents_and_not_of_places(neox: Path, copy: Path) -> None:
    here, there = describe(Source(str(neox))), describe(Source(str(copy)))
    assert (here.digest, here.tokenizer_digest) == (there.digest, there.tokenizer_digest)
    assert here.digest == hashlib.sha256((neox / "model.safetensors").read_bytes()).hexdigest()
    assert here.bytes == (neox / "model.safetensors").stat().st_size
    tiny_neox(copy, seed=1)
    other = describe(Source(str(copy)))
    assert other.digest != here.digest
    assert other.tokenizer_digest == here.tokenizer_digest
    rewrite(copy / "tokenizer.json", normalizer={"type": "Lowercase"})
    assert describe(Source(str(copy))).tokenizer_digest != here.tokenizer_digest


def test_shards_are_one_checkpoint(neox: Path, tmp_path: Path) -> None:
    model, tokenizer = load(Source(str(neox)))
    folder = tmp_path / "sharded"
    save(folder, model, tokenizer)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="60KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    found, whole = describe(Source(str(folder))), describe(Source(str(neox)))
    assert (found.n_params, found.n_params_non_embed) == (whole.n_params, whole.n_params_non_embed)
    lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in shards)
    assert found.digest == hashlib.sha256(lines.encode()).hexdigest()
    again, _ = load(Source(str(folder)))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    shards[0].unlink()
    assert shards[0].name in fault("MEA107", lambda: describe(Source(str(folder))))


# --- loading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tiny_neox, tiny_llama])
def test_a_model_comes_in_eval_mode_without_gradients_as_stored(make: Any, tmp_path: Path) -> None:
    source = Source(str(make(tmp_path / "model")))
    model, tokenizer = load(source, "cpu")
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert tokenizer.decode(tokenizer("the loss of a law")["input_ids"]) == "the loss of a law"
    assert {p.dtype for p in load(source, "cpu", "bfloat16")[0].parameters()} == {torch.bfloat16}


def test_weights_stored_in_16_bits_stay_so(tmp_path: Path) -> None:
    model, tokenizer = tiny_model("llama")
    source = Source(str(save(tmp_path / "half", model.to(torch.bfloat16), tokenizer)))
    assert describe(source).dtype == "bfloat16"
    assert load(source)[0].dtype == torch.bfloat16
    assert load(source, dtype="float32")[0].dtype == torch.float32


def test_loading_is_silent_and_leaves_the_settings_of_transformers(
    neox: Path, capfd: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    level = transformers.utils.logging.get_verbosity()
    shown = transformers.utils.logging.is_progress_bar_enabled()
    load(Source(str(neox)))
    assert capfd.readouterr() == ("", "")
    assert transformers.utils.logging.get_verbosity() == level
    assert transformers.utils.logging.is_progress_bar_enabled() == shown


def test_weights_beyond_the_free_memory_are_spread(neox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """accelerate decides where they go; here it finds room on the CPU, or on an accelerator, after all."""
    pytest.importorskip("accelerate", reason="spreads the weights")
    asked = {}
    original = transformers.AutoModelForCausalLM.from_pretrained

    def noted(folder: Any, **settings: Any) -> Any:
        asked.update(settings)
        return original(folder, **settings)

    monkeypatch.setattr(checkpoints, "free_memory", lambda device: 100_000)
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", noted)
    model, _ = load(Source(str(neox)))
    assert asked["device_map"] == "auto"
    assert Path(asked["offload_folder"]).is_dir()
    monkeypatch.undo()
    whole, _ = load(Source(str(neox)), "cpu")
    tokens = torch.arange(20)[None]
    there = model.get_input_embeddings().weight.device
    assert torch.allclose(model(tokens.to(there)).logits.cpu(), whole(tokens).logits, atol=1e-4)
    del model
    import gc

    gc.collect()
    assert not Path(asked["offload_folder"]).exists()


def test_without_accelerate_too_large_weights_say_so(neox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(checkpoints, "free_memory", lambda device: 0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "accelerate" else find(name))
    assert "pip install accelerate" in fault("MEA110", lambda: load(Source(str(neox))), OutsideError)


# --- devices and types -----------------------------------------------------------------------------------------------


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert free_memory(torch.device("cpu")) > 2**20
    for name in ("gpu", "cuda:", "cuda:x", "cpu:0", ""):
        assert "no device is called" in fault("MEA108", lambda name=name: pick_device(name))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert (pick_device("auto"), pick_device("cuda:1")) == (torch.device("cuda"), torch.device("cuda:1"))
    assert "2 CUDA devices here" in fault("MEA108", lambda: pick_device("cuda:2"), OutsideError)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_refused(neox: Path) -> None:
    assert pick_device("auto") == torch.device("cpu")
    assert "no CUDA device here" in fault("MEA108", lambda: load(Source(str(neox)), "cuda"), OutsideError)
    fault("MEA108", lambda: pick_device("mps"), OutsideError)


def test_types_by_name() -> None:
    assert pick_dtype("auto", "float16") == torch.float16
    assert pick_dtype("auto", "float64") == torch.float32
    assert pick_dtype("bfloat16", "float32") == torch.bfloat16
    assert "Did you mean 'bfloat16'?" in fault("MEA109", lambda: pick_dtype("bfloat", "float32"))


# --- what is wrong with a folder -------------------------------------------------------------------------------------


def test_what_is_no_checkpoint(copy: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "config.json" in fault("MEA101", lambda: describe(Source(str(empty))))
    assert "no such folder" in fault("MEA101", lambda: describe(Source(str(tmp_path / "absent"))))
    assert "not a folder" in fault("MEA101", lambda: describe(Source(str(copy / "config.json"))))
    (copy / "model.safetensors").unlink()
    assert "no weights" in fault("MEA101", lambda: describe(Source(str(copy))))


def test_pickles_are_refused_and_never_run_code(copy: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    before = describe(Source(str(copy)))
    assert before.digest != hashlib.sha256((copy / "pytorch_model.bin").read_bytes()).hexdigest()  # safetensors first
    (copy / "model.safetensors").unlink()
    refused = fault("MEA102", lambda: describe(Source(str(copy))))
    assert "can run any code" in refused and "allow_pickle: true" in refused
    fault("MEA102", lambda: load(Source(str(copy))))
    allowed = Source(str(copy), allow_pickle=True)
    assert describe(allowed).n_params == before.n_params
    load(allowed)
    ran = tmp_path / "ran"
    torch.save({"weight": Malice(str(ran))}, copy / "pytorch_model.bin")
    assert "not a pickle of tensors alone" in fault("MEA102", lambda: describe(allowed))
    assert not ran.exists()


class Malice:
    """A pickle of this makes a file where it is opened by an ordinary reader."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (self.path, "w"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"tokens": "many"}', "'tokens' is 'many'"),
        ('{"tokens": -1}', "'tokens' is -1"),
        ('{"tokens": true}', "'tokens' is True"),
        ('{"run": 3}', "'run' is 3"),
        ('{"seeds": [1, 2]}', "'seeds' holds a list"),
        ('{"lr": NaN}', "'lr' is nan"),
    ],
)
def test_a_bad_training_json(copy: Path, content: str, said: str) -> None:
    (copy / "training.json").write_text(content)
    with pytest.raises(InputError, match="MEA104") as caught:
        describe(Source(str(copy)))
    assert said in str(caught.value)


def test_all_faults_of_a_training_json_are_told_at_once(copy: Path) -> None:
    (copy / "training.json").write_text('{"run": 1, "tokens": -1, "x": {}}')
    with pytest.raises(InputError) as caught:
        describe(Source(str(copy)))
    assert len(caught.value.faults) == 3


def test_code_of_a_checkpoint_is_never_run(copy: Path) -> None:
    ran = copy / "ran"
    (copy / "modeling_mine.py").write_text(f"open({str(ran)!r}, 'w')")
    remote = {"AutoConfig": "modeling_mine.Config", "AutoModelForCausalLM": "modeling_mine.Model"}
    rewrite(copy / "config.json", model_type="mine", auto_map=remote)
    for call in (describe, load):
        assert "never run" in fault("MEA105", lambda call=call: call(Source(str(copy))))
    assert not ran.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model_type": "no_such_model"}, "MEA105"),
        ({"model_type": None}, "MEA105"),
        ({"model_type": "t5"}, "MEA105"),
        ({"quantization_config": {"quant_method": "gptq"}}, "MEA105"),
        ({"hidden_size": 64}, "MEA107"),
    ],
)
def test_a_config_of_another_model(copy: Path, changes: dict[str, Any], code: str) -> None:
    rewrite(copy / "config.json", **changes)
    with pytest.raises(InputError, match=code):
        describe(Source(str(copy)))


@pytest.mark.parametrize("damage", ["cut", "header", "pointer", "empty"])
def test_damaged_weights(copy: Path, damage: str) -> None:
    path = copy / "model.safetensors"
    whole = path.read_bytes()
    damaged = {
        "cut": whole[:-100],
        "header": (2**60).to_bytes(8, "little") + whole[8:],
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "empty": b"",
    }
    path.write_bytes(damaged[damage])
    fault("MEA107", lambda: describe(Source(str(copy))))


def test_tensors_that_are_missing_are_not_made_up(copy: Path) -> None:
    """transformers fills them with random numbers, which would be measured like any other."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    del tensors["gpt_neox.layers.1.mlp.dense_h_to_4h.weight"]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    assert "layers.1.mlp.dense_h_to_4h.weight" in fault("MEA107", lambda: load(Source(str(copy))))


def test_a_tokenizer_is_needed(copy: Path) -> None:
    (copy / "tokenizer.json").write_text("{}")
    fault("MEA106", lambda: load(Source(str(copy))))
    (copy / "tokenizer.json").unlink()
    assert "save_pretrained" in fault("MEA106", lambda: describe(Source(str(copy))))


# --- the hub, by a stub of its client --------------------------------------------------------------------------------


@pytest.fixture
def served(neox: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """huggingface_hub serves the tiny checkpoint whatever is asked; `asked` holds what was."""
    import huggingface_hub

    stub = SimpleNamespace(asked=[], folder=neox)

    def snapshot_download(repository: str, **settings: Any) -> str:
        stub.asked.append({"repository": repository, **settings})
        return str(stub.folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return stub


def test_a_hub_id_with_its_revision(served: SimpleNamespace, copy: Path) -> None:
    (copy / "training.json").unlink()
    served.folder = copy
    found = describe(Source("EleutherAI/pythia-160m@step8000"))
    assert (found.name, found.run) == ("EleutherAI/pythia-160m@step8000", "EleutherAI/pythia-160m")
    assert found.n_tokens == 8000 * 2_097_152
    (asked,) = served.asked
    assert (asked["repository"], asked["revision"]) == ("EleutherAI/pythia-160m", "step8000")
    assert "model.safetensors" in asked["allow_patterns"]
    assert not any(pattern.endswith((".bin", ".py", "*")) for pattern in asked["allow_patterns"])
    model, _ = load(Source("EleutherAI/pythia-160m@step8000"))
    assert sum(p.numel() for p in model.parameters()) == found.n_params


@pytest.mark.parametrize(
    ("repository", "revision", "tokens"),
    [
        ("EleutherAI/pythia-70m-deduped", "step0", 0.0),
        ("EleutherAI/pythia-12b", None, 143_000 * 2_097_152),  # the last step: "299.9B tokens" on the model's card
        ("EleutherAI/pythia-12b", "main", 143_000 * 2_097_152),
        ("EleutherAI/pythia-12b", "a0b1c2", None),
        ("someone/pythia-copy", "step8000", None),  # their step may be of any size
        ("EleutherAI/gpt-neox-20b", "step8000", None),
    ],
)
def test_tokens_of_a_revision(repository: str, revision: str | None, tokens: float | None) -> None:
    assert hub.tokens_of(repository, revision) == tokens


def test_pickles_of_the_hub_are_fetched_only_if_allowed(served: SimpleNamespace, copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").touch()
    served.folder = copy
    fault("MEA102", lambda: describe(Source("owner/model")))
    assert len(served.asked) == 1
    with pytest.raises(InputError):  # the stub's pickle is empty
        describe(Source("owner/model", allow_pickle=True))
    assert "pytorch_model.bin" in served.asked[-1]["allow_patterns"]


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ("RepositoryNotFoundError", InputError, "neither a folder here nor a checkpoint"),
        ("RevisionNotFoundError", InputError, "no revision 'step9'"),
        ("GatedRepoError", OutsideError, "hf auth login"),
        ("LocalEntryNotFoundError", OutsideError, "cannot be reached"),
        ("OSError", OutsideError, "the download from the hub failed"),
    ],
)
def test_what_the_hub_answers(monkeypatch: pytest.MonkeyPatch, error: str, kind: Any, said: str) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    cause = {"OSError": OSError}.get(error) or getattr(errors, error)

    def refuse(*_: Any, **__: Any) -> str:
        refusal = cause.__new__(cause)  # the client's own constructors want an HTTP answer
        refusal.args = ("refused",)
        raise refusal

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    assert said in fault("MEA103", lambda: describe(Source("owner/model@step9")), kind)


def test_an_unknown_id_offline_fails_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    began = time.monotonic()
    for offline in (None, True):
        said = fault("MEA103", lambda offline=offline: describe(Source("no/such-model"), offline), OutsideError)
        assert "HF_HUB_OFFLINE" in said and "HF_HOME" in said
    assert time.monotonic() - began < 10


def test_paths_that_are_no_hub_ids_are_not_asked_for(served: SimpleNamespace) -> None:
    for name in ("./absent", "/absent", "a/b/c", "a b", "~/absent-folder", "owner/../x"):
        fault("MEA101", lambda name=name: describe(Source(name)))
    assert served.asked == []


# --- on an accelerator -----------------------------------------------------------------------------------------------


@pytest.mark.gpu
@needs_cuda
def test_a_model_goes_to_the_gpu(neox: Path) -> None:
    for name in ("auto", "cuda", "cuda:0"):
        model, _ = load(Source(str(neox)), name, "bfloat16")
        assert {(p.device.type, p.dtype) for p in model.parameters()} == {("cuda", torch.bfloat16)}
    assert 0 < free_memory(torch.device("cuda")) <= torch.cuda.get_device_properties(0).total_memory


@pytest.mark.gpu
@needs_cuda
def test_weights_beyond_the_gpu_are_spread(neox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate", reason="spreads the weights")
    monkeypatch.setattr(checkpoints, "free_memory", lambda device: 0)
    model, _ = load(Source(str(neox)), "cuda")
    assert model(torch.arange(20, device="cuda")[None]).logits.isfinite().all()
