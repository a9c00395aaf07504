"""A student with fewer layers, initialised from its teacher's."""

import copy

import torch
from transformers import PreTrainedModel

LAYERS = {
    "bert": "encoder.layer",
    "roberta": "encoder.layer",
    "xlm-roberta": "encoder.layer",
    "electra": "encoder.layer",
    "distilbert": "transformer.layer",
    "gpt2": "h",
}
"""Where each architecture keeps its layers, below `base_model`."""


def layers_path(model: PreTrainedModel) -> str:
    """Raises ValueError for an architecture we do not know."""
    kind = model.config.model_type
    if kind not in LAYERS:
        raise ValueError(f"{kind} models cannot be cut yet; those that can: {', '.join(LAYERS)}")
    return LAYERS[kind]


def spread(total: int, kept: int) -> list[int]:
    """`kept` of `total` layers, evenly spaced, the first and the last among them (of one: the first)."""
    if kept == 1:
        return [0]
    return [round(i * (total - 1) / (kept - 1)) for i in range(kept)]


def student_of(teacher: PreTrainedModel, layers: int) -> PreTrainedModel:
    """A copy of the teacher with `layers` of its layers; stock `from_pretrained` loads it.

    Raises ValueError for more layers than the teacher has, or none. Taking every n-th layer of the teacher: Sanh et al. 2019 (DistilBERT), arXiv 1910.01108, section 2.
    """
    total = teacher.config.num_hidden_layers
    if not 1 <= layers <= total:
        raise ValueError(f"a student of a teacher with {total} layers has 1 to {total}, not {layers}")
    student = copy.deepcopy(teacher)
    path = layers_path(teacher)
    parent, _, name = path.rpartition(".")
    owner = student.base_model.get_submodule(parent)
    old = owner.get_submodule(name)
    picked = spread(len(old), layers)
    setattr(owner, name, torch.nn.ModuleList(old[index] for index in picked))
    student.config.num_hidden_layers = layers
    for place, layer in enumerate(owner.get_submodule(name)):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = place
    return student
