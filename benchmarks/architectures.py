"""Benchmark of the features that each architecture supports (`nightshift bench architectures`), on tiny random models.

A base is written to a folder, loaded as a run of the pipeline loads it, and trained for an epoch on synthetic rows.
Each step of `compress` that trains is applied to the trained model, trained, written and loaded again, which must not
change its outputs. The trained model and the results of `prune` and `static` are exported, and must give PyTorch's
outputs when they are served. Int8 outputs must be finite. The reason for each "no" is printed below the table, in the
words of the pipeline's log.
"""

import argparse
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from benchmarks.train import say
from nightshift.compression import hidden_size, importance, layer_dropping, pruning, reconstruction, vocabulary
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import architectures, pretrained, static
from nightshift.models.heads import Head, is_decoder
from nightshift.onnx import export, quantization
from nightshift.onnx.fusion import FUSED
from nightshift.training import tokenization, trainer
from nightshift.training.batching import Collator

ROWS, MAX_LENGTH = 48, 32
BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "max_position_embeddings": 130, "pad_token_id": 0}  # fmt: skip
GROUPED = BERT | {"num_key_value_heads": 2, "head_dim": 8}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
BART = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_start_token_id": 1,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}  # fmt: skip
T5 = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
CLASSIFIERS = {
    "bert": BERT, "roberta": BERT, "xlm-roberta": BERT, "camembert": BERT, "electra": BERT, "albert": BERT,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}, "mpnet": BERT,
    "deberta-v2": BERT | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "share_att_key": True},
    "modernbert": BERT | {"local_attention": 8}, "convbert": BERT,
    "gpt2": GPT2, "llama": GROUPED, "mistral": GROUPED, "qwen2": GROUPED, "qwen3": GROUPED, "gemma3_text": GROUPED,
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64}, "fnet": BERT,
}  # fmt: skip
"""Architectures that are trained as classifiers, with the sizes of the tiny model."""
GENERATORS = {
    "gpt2": GPT2, "llama": GROUPED, "qwen2": GROUPED, "qwen3": GROUPED, "gemma3_text": GROUPED,
    "t5": T5, "bart": BART,
}  # fmt: skip
STEPS = ("distil", "narrow", "prune", "vocabulary", "static")
EXPECTED_ERRORS = (ValueError, RuntimeError, IndexError, TypeError, AttributeError, KeyError, NotImplementedError)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench architectures", allow_abbrev=False)
    parser.add_argument("--only", default="", help="architectures to try, by model_type, separated by commas")
    selected = set(filter(None, parser.parse_args(arguments).only.split(",")))
    rows, reasons = [], dict[str, list[str]]()
    for objective, sizes_by_kind in (("judges", CLASSIFIERS), ("writes", GENERATORS)):
        for kind, sizes in sizes_by_kind.items():
            if not selected or kind in selected:
                say(f"{kind}, {objective}")
                row, row_reasons = _row(kind, sizes, objective)
                rows.append(row)
                for reason in row_reasons:
                    reasons.setdefault(reason, []).append(kind)
    notes = [f"{', '.join(dict.fromkeys(kinds))}: {reason}" for reason, kinds in reasons.items()]
    return {"table": rows, "notes": notes}


def _row(kind: str, sizes: dict[str, Any], objective: str) -> tuple[dict[str, Any], list[str]]:
    """Return a line of the table, and the reasons for each "no" in it."""
    names = ("train", *STEPS, "quantize", "quantize:static", "serve")
    row: dict[str, Any] = {"architecture": kind, "kind": objective} | dict.fromkeys(names, "–")
    with tempfile.TemporaryDirectory() as name:
        trial = _Trial(kind, sizes, objective, Path(name))
        reasons = trial.fill(row)
    return row, reasons


class _Trial:
    """Trial of an architecture: training, compression and serving of a tiny model."""

    def __init__(self, kind: str, sizes: dict[str, Any], objective: str, folder: Path) -> None:
        self.kind, self.sizes, self.folder = kind, sizes, folder
        self.texts, self.labels = _messages()
        self.decoder = objective == "writes" or is_decoder(AutoConfig.for_model(kind))
        if objective == "judges":
            self.head = Head("classification", ("bad", "good"))
        else:
            self.head = Head("text2text" if AutoConfig.for_model(kind).is_encoder_decoder else "generation")
            self.labels = [text.upper() for text in self.texts]
        self.heads = {"main": self.head}
        self.reasons: list[str] = []

    def fill(self, row: dict[str, Any]) -> list[str]:
        """Try all features, fill in a line of the table, and return the reasons for each "no"."""
        row["train"] = self._try(self._train)
        if row["train"] != "yes":
            return self.reasons
        row["serve"] = self._try(lambda: self._serve(self.model, self.tokenizer, "full"))
        if row["serve"] == "yes":
            row["serve"] = (
                "as a checkpoint" if self.head.generative else "ONNX, fused" if self.kind in FUSED else "ONNX"
            )
            row["quantize"] = self._try(lambda: self._quantize("dynamic"))
            if not self.head.generative:
                row["quantize:static"] = self._try(lambda: self._quantize("static"))
        for step in ("distil", "prune") if self.head.generative else STEPS:
            row[step] = self._try(lambda step=step: self._compress(step))  # type: ignore[misc]
        if row["prune"] == "yes" and not architectures.get_architecture(self.model).can_prune_heads:
            row["prune"] = "neurons only"
        return self.reasons

    def _try(self, action: Callable[[], None]) -> str:
        try:
            action()
        except EXPECTED_ERRORS as error:
            reason = str(error).splitlines()[0].replace(str(self.folder), "").partition("; those that can")[0]
            self.reasons.append(reason.replace(f"{self.kind} models", "such models"))
            return "no"
        return "yes"

    def _train(self) -> None:
        scratch = "scratch:gpt2" if self.decoder else "scratch:bert"
        tokenizer = pretrained.load_tokenizer(scratch, {"vocab_size": 300}, self.texts)
        base = self.folder / "base"
        ends = dict.fromkeys(("bos_token_id", "eos_token_id"), tokenizer.eos_token_id or 3)
        config = AutoConfig.for_model(
            self.kind, **{"vocab_size": len(tokenizer), "initializer_range": 0.2} | self.sizes | ends
        )
        config.pad_token_id = tokenizer.pad_token_id
        model_class: Any = AutoModel
        if self.head.generative:
            model_class = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer.save_pretrained(base)
        config.save_pretrained(base)
        config.vocab_size = len(pretrained.load_tokenizer(str(base), {}, []))  # Qwen2's class adds a token
        model_class.from_config(config).save_pretrained(base)
        self.tokenizer = pretrained.load_tokenizer(str(base), {}, [])
        self.model = pretrained.load(str(base), self.heads, self.tokenizer, 1)
        examples = tokenization.encode(
            self.tokenizer,
            self.head,
            self.texts,
            None,
            None if self.head.kind == "generation" else self.labels,
            MAX_LENGTH,
            encoder_decoder=self.model.config.is_encoder_decoder,
            packed=self.head.generative,
        )
        self.rows = {"main": examples}
        self.model = self._train_copy(self.model, "train")

    def _train_copy(self, model: Any, name: str) -> Any:
        arguments = {
            "num_train_epochs": 1,
            "per_device_train_batch_size": 16,
            "learning_rate": 1e-3,
            "save_steps": 1000,
            "save_total_limit": 1,
            "seed": 1,
            "precision": "float32",
        }
        job = trainer.TrainerJob(model, self.tokenizer, self.heads, self.rows, {}, self.folder / name, arguments)
        return trainer.fit(job).model.eval()

    def _batches(self) -> list[dict[str, Any]]:
        collate = Collator(self.rows, self.heads, self.tokenizer.pad_token_id)
        count = min(16, len(self.rows["main"]))
        return [collate([("main", row) for row in range(count)])]

    def _compress(self, step: str) -> None:
        tokenizer = self.tokenizer
        if step == "vocabulary":
            model, tokenizer = vocabulary.trim(self.model, tokenizer, self.texts[:4])
        elif step == "static":
            model = self._train_copy(static.build_static_student(self.model, tokenizer, self.texts), step)
        elif step == "distil":
            model = self._train_copy(layer_dropping.drop_layers(self.model, 1), step)
        else:
            model = self._train_copy(self._narrow() if step == "narrow" else self._prune(), step)
        stock = pruning.pad_with_zeros(model) if model.config.model_type in architectures.ARCHITECTURES else model
        pretrained.save_checkpoint(stock, tokenizer, self.heads, self.folder / f"{step}-checkpoint")
        loaded, loaded_tokenizer, _ = pretrained.load_checkpoint(self.folder / f"{step}-checkpoint")
        if step == "prune":
            pruning.remove_zeros(loaded)
        if step in ("prune", "static"):
            self._serve(loaded, loaded_tokenizer, step)
        if not self.head.generative:
            predictors = [TorchPredictor(m, loaded_tokenizer, self.heads, MAX_LENGTH) for m in (model, loaded)]
            scores, loaded_scores = (predictor.scores(self.texts) for predictor in predictors)
            _ensure_equal(scores, loaded_scores, "what was written answers otherwise")

    def _narrow(self) -> Any:
        batches, size = self._batches(), architectures.head_size(self.model)
        scores = importance.compute_importance(self.model, batches, self.heads)
        widths = [len(layer) for layer in scores.neurons]
        pruned = pruning.prune(self.model, scores, widths, [2] * len(widths))
        return hidden_size.narrow(pruned, hidden_size.highest_variance_dims(pruned, batches, 2 * size))

    def _prune(self) -> Any:
        """Return a model with other widths and heads in each layer; a generative one has the same in all layers."""
        batches = self._batches()
        scores = importance.compute_importance(self.model, batches, self.heads)
        shape: tuple[list[int], list[int] | None] = ([40, 24], [1, 2])
        if self.head.generative or not architectures.get_architecture(self.model).can_prune_heads:
            shape = ([24, 24] if self.head.generative else [40, 24], None)
        pruned = pruning.prune(self.model, scores, *shape)
        reconstruction.reconstruct(pruned, self.model, batches)
        return pruned

    def _serve(self, model: Any, tokenizer: Any, name: str) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        export.export_model(model, tokenizer, self.heads, folder, MAX_LENGTH)
        served = export.open_predictor(folder)
        if not self.head.generative:
            scores = TorchPredictor(model, tokenizer, self.heads, MAX_LENGTH).scores(self.texts)
            _ensure_equal(served.scores(self.texts), scores, "what is served answers otherwise than PyTorch")
        else:
            served.continuations(self.texts[:2], "main", 4)  # type: ignore[union-attr]

    def _quantize(self, method: str) -> None:
        if self.head.generative:
            export.export_model(self.model, self.tokenizer, self.heads, self.folder / "int8", MAX_LENGTH)
            quantization.quantize_checkpoint(self.folder / "int8")
            export.open_predictor(self.folder / "int8").continuations(self.texts[:2], "main", 4)  # type: ignore[union-attr]
            return
        graph = self.folder / "full" / export.ONNX
        float_graph = graph.read_bytes()
        if method == "dynamic":
            quantization.quantize_int8(graph, graph)
        else:
            served: Any = export.open_predictor(graph.parent)
            quantization.quantize_static(graph, graph, [served.feed(self.texts)])
        scores = export.open_predictor(graph.parent).scores(self.texts)
        graph.write_bytes(float_graph)
        if not np.isfinite(scores).all():
            raise ValueError("int8 answers with what is no number")


def _ensure_equal(scores: np.ndarray, expected: np.ndarray, message: str) -> None:
    difference = float(np.abs(scores - expected).max())
    if difference > export.TOLERANCE:
        raise ValueError(f"{message}, by {difference:.2g}")


def _messages() -> tuple[list[str], list[str]]:
    generator = random.Random(1)
    words = {"good": ["great", "lovely", "superb", "fine", "warm"], "bad": ["awful", "poor", "broken", "late", "cold"]}
    neutral = "the parcel tent lamp came with a box and one blue bag on monday from this shop".split()  # noqa: SIM905
    labels = [generator.choice(("good", "bad")) for _ in range(ROWS)]
    texts = []
    for label in labels:
        sampled = generator.sample(neutral, generator.randint(3, 8)) + generator.sample(words[label], 2)
        texts.append(" ".join(sampled))
    return texts, labels
