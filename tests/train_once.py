"""One small training, in this process, under `accelerate launch`, or to be started in a process that is killed."""

import torch
from samples import messages
from transformers import TrainerCallback

from nightshift.models import pretrained
from nightshift.models.heads import Head
from nightshift.training import launch, tokenization, trainer

ROWS = messages(240)
TEXTS = [text for text, _ in ROWS]
SIZES = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 300},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 300},
    "t5": {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 2, "num_heads": 2, "vocab_size": 300},
}  # fmt: skip
HEADS = {
    "judged": Head("classification", ("bad", "good")),
    "tagged": Head("classification", ("lamp", "none", "stove", "tent"), separator="|"),
    "scored": Head("regression", mean=40.0, std=12.0),
    "written": Head("generation"),
    "shouted": Head("text2text"),
}
LABELS = {
    "judged": [label for _, label in ROWS],
    "tagged": ["|".join(sorted({"lamp", "stove", "tent"} & set(text.split())) or ["none"]) for text in TEXTS],
    "scored": [float(len(text)) for text in TEXTS],
    "written": None,
    "shouted": [text.upper() for text in TEXTS],
}
ARGUMENTS = {
    "num_train_epochs": 3, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "save_steps": 4,
    "save_total_limit": 2, "seed": 5, "eval_strategy": "epoch", "logging_steps": 1, "precision": "float32",
}  # fmt: skip


def prepared(architecture, names, dropout=0.1):
    """Model, tokenizer, heads and examples of the given objectives."""
    words = {"gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"), "t5": ("dropout_rate",)}
    words |= {"bert": ("hidden_dropout_prob", "attention_probs_dropout_prob")}
    sizes = SIZES[architecture] | dict.fromkeys(words[architecture], dropout)
    base = f"scratch:{architecture}"
    tokenizer = pretrained.load_tokenizer(base, sizes, TEXTS)
    heads = {name: HEADS[name] for name in names}
    model = pretrained.load(base, heads, tokenizer, 1, sizes)
    examples = {
        name: tokenization.encode(tokenizer, head, TEXTS, None, LABELS[name], 32, encoder_decoder=architecture == "t5",
                              packed=head.generative)
        for name, head in heads.items()
    }  # fmt: skip
    return model, tokenizer, heads, examples


def fit(folder, architecture="bert", names=("judged",), callbacks=(), dropout=0.1, options=None, **arguments):
    """Train in this process.

    Args:
        folder: Folder of the checkpoints.
        architecture: Key of `SIZES`.
        names: Names of the objectives.
        callbacks: Further callbacks of the trainer.
        dropout: Dropout of the model.
        options: Options of the training, instead of the defaults.
        **arguments: Training arguments that differ from `ARGUMENTS`.
    """
    model, tokenizer, heads, examples = prepared(architecture, names, dropout)
    training_arguments = ARGUMENTS | arguments
    options = options or trainer.TrainingOptions(fingerprint="f")
    job = trainer.TrainerJob(model, tokenizer, heads, examples, examples, folder, training_arguments, options)
    return trainer.fit(job, callbacks)


def train_with_accelerate(folder, processes, architecture="bert", names=("judged",), check=lambda: None):
    """Train under `accelerate launch`, without the dropout of the architecture: each process would draw its own.

    Args:
        folder: Folder of the checkpoints.
        processes: Number of processes.
        architecture: Key of `SIZES`.
        names: Names of the objectives.
        check: Called while the processes run; what it raises ends them.
    """
    model, tokenizer, heads, examples = prepared(architecture, names, dropout=0.0)
    job = trainer.TrainerJob(model, tokenizer, heads, examples, examples, folder, ARGUMENTS)
    return launch.launch(job, accelerate_options(processes), check)


def accelerate_options(processes):
    """Return options of `accelerate launch` for so many processes without a GPU; with `cpu` it starts one alone."""
    return {"num_processes": processes, "main_process_port": 0} | (
        {"multi_gpu": True} if processes > 1 else {"cpu": True}
    )


def same_weights(first, second):
    """Return whether two state dicts hold the same weights."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class StopTraining(Exception):
    """Ends a training."""


class StopAt(TrainerCallback):
    """Ends a training after a step."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        """Stop after the step.

        Args:
            args: Training arguments.
            state: State of the trainer.
            control: Control of the trainer.
            **kwargs: Model, tokenizer and more.
        """
        if state.global_step == self.step:
            raise StopTraining


def train_to_end(folder, kind="one"):
    """Train in `folder`/work, and put the weights into `folder`/done when it has ended."""
    names = ("judged", "scored") if kind == "several" else ("judged",)
    fitted = fit(folder / "work", names=names)
    fitted.model.save_pretrained(folder / "partial")
    (folder / "partial").rename(folder / "done")
