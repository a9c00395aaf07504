"""Low-rank adaptation (LoRA): small matrices are trained beside frozen ones, and merged into them at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nightshift.models.heads import Model, SharedTrunk

PEFT_TASK_TYPES = {
    "ForSequenceClassification": "SEQ_CLS",
    "LMHeadModel": "CAUSAL_LM",
    "ForCausalLM": "CAUSAL_LM",
    "ForConditionalGeneration": "SEQ_2_SEQ_LM",
}
"""Task types of peft by the ends of model classes' names."""


class UnknownModulesError(ValueError):
    """No module of the model has one of the target names."""


@contextmanager
def lora_adapters(model: Model, fields: dict[str, Any]) -> Iterator[Any]:
    """Train `model` (or its shared trunk) by LoRA within the block, heads in full; merge the adapters at its end.

    Hu et al. 2021, arXiv 2106.09685.

    Args:
        model: The model, which is changed in place.
        fields: Fields of peft's LoraConfig.

    Raises:
        UnknownModulesError: The model does not have the target modules.
    """
    import peft

    shared = isinstance(model, SharedTrunk)
    trunk: Any = model.trunk if shared else model
    class_name = type(trunk).__name__
    task_type = next((task for ending, task in PEFT_TASK_TYPES.items() if class_name.endswith(ending)), None)
    try:
        adapted: Any = peft.get_peft_model(trunk, peft.LoraConfig(task_type=task_type, **fields))
    except ValueError as error:
        raise UnknownModulesError(str(error).splitlines()[0]) from error
    if shared:
        model.trunk = adapted
    completed = False
    try:
        yield model if shared else adapted
        completed = True
    finally:
        restored = adapted.merge_and_unload() if completed else adapted.unload()
        if shared:
            model.trunk = restored
        for weight in model.parameters():
            weight.requires_grad = True
