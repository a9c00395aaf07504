"""Loading and saving of pretrained models and their heads: safetensors only, no remote code."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
from nightshift.models.base_address import SCRATCH, locate
from nightshift.models.heads import Head, Heads, Model, SharedTrunk, is_decoder, read_heads, write_heads
from nightshift.models.logging_utils import errors_only, no_bars

OUTPUT_LAYER = "output_layer.safetensors"
"""File beside a regression's checkpoint: the output layer as nightshift trains it, for standardized labels.

If that has no bias, the file also holds the bias of the last normalization, by its name in the model.
"""


def load_tokenizer(base_model: str, sizes: dict[str, Any], corpus: Iterable[str]) -> PreTrainedTokenizerBase:
    """Return the base's tokenizer; a `scratch:` base's is trained on `corpus`.

    It pads on the right, with its end token if it has no padding token (GPT-2), and puts its end token between the
    texts of a pair unless it puts something there already.

    Raises:
        ValueError: The tokenizer cannot be read, or fails a check of `nightshift.models.pretrained_checks`.
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
        _separate_pairs(tokenizer)
    return tokenizer


def _separate_pairs(tokenizer: PreTrainedTokenizerBase) -> None:
    """Let the tokenizer put its end token between the texts of a pair."""
    end, backend = tokenizer.eos_token, tokenizer.backend_tokenizer
    template = processors.TemplateProcessing(
        single="$A", pair=f"$A {end} $B:1", special_tokens=[(end, tokenizer.eos_token_id)]
    )
    processor = backend.post_processor
    backend.post_processor = processors.Sequence([processor, template]) if processor else template


def load(
    base_model: str, heads: Heads, tokenizer: PreTrainedTokenizerBase, seed: int, sizes: dict[str, Any] | None = None
) -> Model:
    """Load the base with new heads: a stock model for one objective, a shared trunk for several.

    Args:
        base_model: Address of the base.
        heads: The heads by the names of their objectives.
        tokenizer: The base's tokenizer, from `load_tokenizer`.
        seed: Seed of the new weights.
        sizes: Fields of a `scratch:` base's configuration.

    Raises:
        ValueError: The base does not support a head, cannot be read, or fails a check of
            `nightshift.models.pretrained_checks`.
    """
    config = _config(base_model, sizes or {}, tokenizer)
    _ensure_supported(config, heads)
    torch.manual_seed(seed)
    model = _with_heads(base_model, heads, config)
    if not base_model.startswith(SCRATCH):
        pretrained_checks.ensure_finite(model)
        pretrained_checks.ensure_embeddings(model, tokenizer, heads)
        pretrained_checks.ensure_padding_ignored(model, tokenizer, heads)
    return model


def _with_heads(base_model: str, heads: Heads, config: PreTrainedConfig) -> Model:
    if len(heads) > 1:
        return SharedTrunk(_load_weights(base_model, AutoModel, config), heads)
    (head,) = heads.values()
    if not head.generative:
        labels = head.labels or ("score",)
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
        return _load_weights(base_model, AutoModelForSequenceClassification, config)
    return _load_weights(base_model, _generative_class(config), config)


def _generative_class(config: PreTrainedConfig) -> Any:
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def _config(base_model: str, sizes: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    if base_model.startswith(SCRATCH):
        return from_scratch.configuration(base_model, sizes, tokenizer)
    address, revision = locate(base_model)
    config = AutoConfig.from_pretrained(address, revision=revision, trust_remote_code=False)
    config.pad_token_id = tokenizer.pad_token_id
    return config


def _ensure_supported(config: PreTrainedConfig, heads: Heads) -> None:
    name = f"{config.model_type} is an encoder" if not is_decoder(config) else f"{config.model_type} is a decoder"
    if config.is_encoder_decoder:
        name = f"{config.model_type} is an encoder-decoder"
        if len(heads) > 1 or next(iter(heads.values())).kind != "text2text":
            raise ValueError(f"{name}: it can learn one objective, of kind text2text")
    elif not is_decoder(config) and any(head.generative for head in heads.values()):
        raise ValueError(f"{name}: it cannot write text; take a decoder, such as GPT-2, or for text2text T5 or BART")


def _load_weights(base_model: str, model_class: Any, config: PreTrainedConfig) -> PreTrainedModel:
    if base_model.startswith(SCRATCH):
        new_model: PreTrainedModel = model_class.from_config(config, trust_remote_code=False)
        return new_model
    address, revision = locate(base_model)
    try:
        with errors_only("transformers"), no_bars():
            model, report = model_class.from_pretrained(
                address,
                revision=revision,
                config=config,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except SafetensorError as error:
        raise ValueError(f"its safetensors file cannot be read, it is cut or damaged: {error}") from error
    pretrained_checks.ensure_fitting(model, report)
    return model


def load_checkpoint(folder: Path) -> tuple[Model, PreTrainedTokenizerBase, dict[str, Head]]:
    """Load a model that nightshift trained, float or int8, in evaluation mode, with its tokenizer and its heads."""
    heads = read_heads(folder)
    model_class = _model_class(folder, heads)
    model: Model
    with no_bars(), errors_only("transformers"):
        if (folder / int8.WEIGHTS).exists():
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            model = int8.load(model_class.from_config(config), folder)
        else:
            model = _load_complete(model_class, folder)
    if len(heads) > 1:
        model = SharedTrunk(model, heads)
        model.load_heads(folder)
    elif (folder / OUTPUT_LAYER).exists() and (layer := _output_layer_of_regression(model)):
        _restore(model, layer, load_file(folder / OUTPUT_LAYER))
    with errors_only("transformers"):  # it warns about an architecture that it does not know
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return model.eval(), tokenizer, heads


def _load_complete(model_class: Any, folder: Path) -> PreTrainedModel:
    """Load a checkpoint of nightshift; raise ValueError unless it holds every weight."""
    model, report = model_class.from_pretrained(
        folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
    )
    if report["missing_keys"]:
        raise ValueError(f"the checkpoint {folder} lacks {pretrained_checks.abbreviated(report['missing_keys'])}")
    return model


def _model_class(folder: Path, heads: Heads) -> Any:
    config, _ = PreTrainedConfig.get_config_dict(folder)
    if config["model_type"] == static.ARCHITECTURE:
        return static.StaticStudent
    if len(heads) > 1:
        return AutoModel
    if next(iter(heads.values())).generative:
        return _generative_class(AutoConfig.from_pretrained(folder, trust_remote_code=False))
    return AutoModelForSequenceClassification


def save_checkpoint(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, folder: Path) -> None:
    """Write model (safetensors), tokenizer and heads; stock `from_pretrained` loads all but `nightshift.models.static`.

    A stock `pipeline` gives the scores that nightshift gives: the configuration names the problem type, and the output
    layer of a regression predicts in the labels' units. The layer as nightshift trains it is written beside it, to
    `OUTPUT_LAYER`.

    Args:
        model: The model, which is not changed except for its generation config.
        tokenizer: Its tokenizer.
        heads: The heads by the names of their objectives.
        folder: Folder of the checkpoint.
    """
    # Other fields of a base's generation config would generate otherwise than `nightshift.inference.text_generation`.
    if generation_config := getattr(model, "generation_config", None):
        model.generation_config = GenerationConfig(
            bos_token_id=generation_config.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            decoder_start_token_id=generation_config.decoder_start_token_id,
        )
    folder.mkdir(parents=True, exist_ok=True)
    with no_bars(), _stock_outputs(model, heads, folder):
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_heads(heads, folder)


@contextmanager
def _stock_outputs(model: Model, heads: Heads, folder: Path) -> Iterator[None]:
    """Change a model within the block so that a stock pipeline gives the outputs that nightshift gives."""
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
    parameters = {name: value.detach().clone() for name, value in layer.state_dict().items()}
    if norm:
        parameters[norm] = model.get_parameter(norm).detach().clone()
    save_file(parameters, folder / OUTPUT_LAYER)
    with torch.no_grad():
        layer.weight.mul_(head.std)
        if norm:  # a vector along the weights, added to every hidden state, adds the same number to every output
            weight = layer.weight[0].double()
            model.get_parameter(norm).add_(head.mean * weight / weight.square().sum())
        else:
            layer.bias.mul_(head.std).add_(head.mean)
    try:
        yield
    finally:
        _restore(model, layer, parameters)


def _restore(model: Model, layer: nn.Linear, parameters: dict[str, Tensor]) -> None:
    """Restore the parameters in `OUTPUT_LAYER`: those of the output layer, and those of the model by their names."""
    layer_names = layer.state_dict().keys()
    layer.load_state_dict({name: value for name, value in parameters.items() if name in layer_names})
    with torch.no_grad():
        for name, value in parameters.items():
            if name not in layer_names:
                model.get_parameter(name).copy_(value)


def _problem_type(head: Head) -> str:
    """Return transformers' problem type of a head."""
    if head.kind == "regression":
        return "regression"
    return "single_label_classification" if head.separator is None else "multi_label_classification"


def _output_layer_of_regression(model: Model) -> nn.Linear | None:
    """Return the last layer with one output outside of the base model."""
    base_modules = set(model.base_model.modules())
    head_layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m not in base_modules]
    return next((layer for layer in reversed(head_layers) if layer.out_features == 1), None)


def _last_norm(model: Model, layer: nn.Linear) -> str | None:
    """Return the name of the normalization bias that is added last to the inputs of an output layer without a bias.

    Return None if there is none, as after an RMSNorm (Llama, Qwen), or if the layer's weights are all zero: then no
    parameters of the stock model can add the labels' mean to its outputs.
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
    """Copy the weights of a checkpoint into `model` if they have the same shape.

    If the labels of an objective differ, the rows of the output layer are copied for labels that both have; the others
    are newly initialized.
    """
    checkpoint, _, checkpoint_heads = load_checkpoint(folder)
    source, target = checkpoint.state_dict(), model.state_dict()
    for name, value in target.items():
        if name in source and source[name].shape == value.shape:
            value.copy_(source[name])
    for objective, head in heads.items():
        source_labels = checkpoint_heads.get(objective, Head(head.kind)).labels
        if head.labels == source_labels or not source_labels:
            continue
        rows = [(head.labels.index(x), source_labels.index(x)) for x in head.labels if x in source_labels]
        for name in _output_layer_parameters(model, objective):
            if name.endswith("weight"):
                target[name].normal_(std=model.config.initializer_range)
            else:
                target[name].zero_()
            if name in source and source[name].shape[1:] == target[name].shape[1:]:
                for target_row, source_row in rows:
                    target[name][target_row].copy_(source[name][source_row])


def _output_layer_parameters(model: Model, objective: str) -> list[str]:
    endings, state = ("weight", "bias"), model.state_dict()
    if isinstance(model, SharedTrunk):
        return [f"heads.{model.module_name(objective)}.out.{ending}" for ending in endings]
    layers = ("classifier", "classifier.out_proj", "score")
    return [f"{layer}.{ending}" for layer in layers for ending in endings if f"{layer}.{ending}" in state]


def summarize_modules(model: Model) -> list[dict[str, object]]:
    """Return name, class and number of parameters of every embedding, layer and head."""
    rows: list[dict[str, object]] = []
    for name, module in model.named_modules():
        parameters = sum(p.numel() for p in module.parameters())
        is_leaf = not any(True for _ in module.children())
        is_layer = name.rsplit(".", 1)[-1].isdigit()
        if parameters and (is_layer or (is_leaf and name.count(".") <= 2)):
            rows.append({"name": name, "class": type(module).__name__, "parameters": parameters})
    return rows
