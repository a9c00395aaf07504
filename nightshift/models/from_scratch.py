"""Models from scratch: configurations for newly initialized weights, and tokenizers trained on the corpus."""

from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, PreTrainedConfig, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from nightshift.models.base_address import DEFAULT_SIZES, architecture_name

SPECIAL_TOKENS = {
    "bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "gpt2": ("<pad>", "</s>"),
    "t5": ("<pad>", "</s>"),
}
TOKEN_ROLES = {
    "bert": {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"},
    "gpt2": {"pad_token": "<pad>", "eos_token": "</s>", "bos_token": "</s>"},
    "t5": {"pad_token": "<pad>", "eos_token": "</s>"},
}  # fmt: skip
TEMPLATES = {
    "bert": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
    "gpt2": ("$A", "$A </s> $B:1"),
    "t5": ("$A </s>", "$A </s> $B:1 </s>:1"),
}
MODEL_INPUT_NAMES = {"bert": ["input_ids", "token_type_ids", "attention_mask"]}


def train_tokenizer(base_model: str, sizes: dict[str, Any], corpus: Iterable[str]) -> PreTrainedTokenizerBase:
    """Train a byte-level BPE tokenizer on `corpus`, in lower case for BERT; the same texts give the same tokenizer.

    WordPiece is not used because the library's trainer numbers the pieces in an order that differs from run to run.
    """
    name = architecture_name(base_model)
    special_tokens = list(SPECIAL_TOKENS[name])
    tokenizer = Tokenizer(models.BPE())
    if name == "bert":
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=sizes.get("vocab_size", DEFAULT_SIZES[name]["vocab_size"]),
        special_tokens=special_tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    single, pair = TEMPLATES[name]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(token, index) for index, token in enumerate(special_tokens)]
    )
    inputs = MODEL_INPUT_NAMES.get(name, ["input_ids", "attention_mask"])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **TOKEN_ROLES[name])


def configuration(base_model: str, sizes: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    """Return the architecture's configuration with the given sizes and the tokenizer's vocabulary.

    Raises:
        ValueError: The configuration does not have one of the fields.
    """
    name = architecture_name(base_model)
    fields = DEFAULT_SIZES[name] | sizes | {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    default = AutoConfig.for_model(name)
    for field in fields:
        if not hasattr(default, field):
            raise ValueError(f"scratch.{field} is no field of {type(default).__name__}")
    if name != "bert":
        fields |= {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.eos_token_id}
    if name == "t5":
        fields |= {"decoder_start_token_id": tokenizer.pad_token_id}
    return AutoConfig.for_model(name, **fields)
