"""Low-rank adaptation: small matrices are trained beside frozen ones, and merged into them at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nightshift.models.heads import Model, SharedTrunk

TASKS = {"ForSequenceClassification": "SEQ_CLS", "LMHeadModel": "CAUSAL_LM", "ForCausalLM": "CAUSAL_LM",
         "ForConditionalGeneration": "SEQ_2_SEQ_LM"}  # fmt: skip


class UnknownModulesError(ValueError):
    """None of the model's layers has the name that was asked for."""


@contextmanager
def lora_adapters(model: Model, fields: dict[str, Any]) -> Iterator[Any]:
    """For the length of the block `model` (or its shared trunk) learns by LoRA alone; heads learn in whole.

    `fields` are those of peft's LoraConfig; raises NoSuchModules for layers that the model does not have. Hu et al. 2021, arXiv 2106.09685.
    """
    import peft

    shared = isinstance(model, SharedTrunk)
    inner: Any = model.trunk if shared else model
    task = next((task for ending, task in TASKS.items() if type(inner).__name__.endswith(ending)), None)
    try:
        adapted: Any = peft.get_peft_model(inner, peft.LoraConfig(task_type=task, **fields))
    except ValueError as error:
        raise UnknownModulesError(str(error).splitlines()[0]) from error
    if shared:
        model.trunk = adapted
    ended = False
    try:
        yield model if shared else adapted
        ended = True
    finally:
        restored = adapted.merge_and_unload() if ended else adapted.unload()
        if shared:
            model.trunk = restored
        for weight in model.parameters():
            weight.requires_grad = True
