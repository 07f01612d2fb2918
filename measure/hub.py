"""Checkpoints of the Hugging Face hub: a snapshot in its cache, weights as safetensors unless pickles are allowed."""

from __future__ import annotations

import re
from pathlib import Path

from lawdsl.errors import Fault, InputError, OutsideError, Span

from .weights import PICKLED, SAFE, TOKENIZER_FILES

#: what a hub id looks like: an owner and a name, or a name alone
ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
#: EleutherAI/pythia-*: tokens of one step, and the last step, which is what `main` holds (arXiv 2304.01373, section 2)
PYTHIA_STEP = 2_097_152
PYTHIA_STEPS = 143_000
SIDE_FILES = ("config.json", "generation_config.json", "training.json", *TOKENIZER_FILES)
#: seconds to wait for the hub's first answer
PATIENCE = 10.0


def snapshot(repository: str, revision: str | None, allow_pickle: bool, offline: bool | None) -> Path:
    """The local folder of a revision, downloaded where the cache lacks it; `offline` None asks HF_HUB_OFFLINE.

    Raises: InputError (MEA103 no such id or revision), OutsideError (MEA103 not reachable, MEA110 no huggingface_hub).
    """
    name = f"{repository}@{revision}" if revision else repository
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError:
        cure = "pip install 'lawdsl[measure]'"
        raise OutsideError(Fault("MEA110", Span(name), "huggingface_hub is not installed", cure)) from None

    def fetch(*weights: str) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                repository, revision=revision, allow_patterns=[*SIDE_FILES, *weights], etag_timeout=PATIENCE,
                local_files_only=bool(offline),
            )
        )  # fmt: skip

    try:
        folder = fetch(SAFE, f"{SAFE}.index.json", "model-*-of-*.safetensors")
        if allow_pickle and not any((folder / file).is_file() for file in (SAFE, f"{SAFE}.index.json")):
            folder = fetch(PICKLED, f"{PICKLED}.index.json", "pytorch_model-*-of-*.bin")
        return folder
    except errors.GatedRepoError:
        cure = "Accept its terms on its page, then log in with `hf auth login`."
        raise OutsideError(Fault("MEA103", Span(name), "the hub gives this checkpoint to members only", cure)) from None
    except errors.RevisionNotFoundError:
        cure = f"See https://huggingface.co/{repository}/branches for those it has."
        raise InputError(Fault("MEA103", Span(name), f"'{repository}' has no revision '{revision}'", cure)) from None
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        message = "neither a folder here nor a checkpoint that the hub shows to you"
        raise InputError(
            Fault("MEA103", Span(name), message, "Check the spelling; private ones need a login.")
        ) from None
    except errors.LocalEntryNotFoundError as error:
        without = offline or isinstance(error.__cause__, errors.OfflineModeIsEnabled)
        why = "HF_HUB_OFFLINE forbids asking the hub" if without else "the hub cannot be reached"
        raise _unreachable(name, f"neither a folder here nor in the hub's cache, and {why}") from None
    except (OSError, errors.HfHubHTTPError) as error:  # a broken transfer, a full disk
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise _unreachable(name, f"the download from the hub failed: {reason}") from None


def tokens_of(repository: str, revision: str | None) -> float | None:
    """Tokens seen at a revision, where the repository's revisions say so: Pythia's stepN, and its main."""
    if not repository.startswith("EleutherAI/pythia"):
        return None
    if revision in (None, "main"):
        return float(PYTHIA_STEPS * PYTHIA_STEP)
    step = re.fullmatch(r"step(\d+)", revision or "")
    return float(int(step[1]) * PYTHIA_STEP) if step else None


def _unreachable(name: str, message: str) -> OutsideError:
    cure = (
        "Online, the run fetches it. Elsewhere, fetch it with `hf download` and copy the folder here or set HF_HOME to"
        " the cache that holds it; for a folder, check the path."
    )
    return OutsideError(Fault("MEA103", Span(name), message, cure))
