"""A night as one plain script: the stages of nightshift with pandas, Great Expectations, Hugging Face, ONNX Runtime and MLflow.

It does what tutorials of these libraries show, in float32: dynamic padding, distillation by a Trainer of its own, magnitude
pruning, torch's exporter, ONNX Runtime's dynamic quantization. It caches nothing, tests nothing for significance, and
promotes whatever has the better accuracy. It prints a line of JSON: seconds by stage, and the models.
"""

import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median

import common
import great_expectations as gx
import mlflow
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import torch
from datasets import Dataset, disable_progress_bars
from great_expectations import expectations as gxe
from onnxruntime.quantization import QuantType, quantize_dynamic
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from torch.nn.utils import prune
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

DISTIL_EPOCHS, RECOVERY_EPOCHS = 4, 2
"""Epochs of a student, and after pruning: the defaults of nightshift."""
COMPRESSION_RATE = 1e-4
"""Learning rate of students."""
TEMPERATURE, ALPHA = 2.0, 0.7
"""Temperature of the distillation loss, and its weight."""
TIMED_TEXTS = 100
"""Number of texts whose latency is measured."""


class Stopwatch:
    """Seconds by stage."""

    def __init__(self):
        self.seconds, self.last = {}, time.perf_counter()

    def stage(self, name):
        """Add the time since the last call to a stage."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self.last
        self.last = now


class DistillationTrainer(Trainer):
    """Trainer whose loss is the distance to a teacher's logits, and the loss on the labels."""

    def __init__(self, *args, teacher, **kwargs):
        super().__init__(*args, **kwargs)
        self.teacher = teacher.eval()

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return the loss of a batch.

        Args:
            model: Student.
            inputs: Batch, with labels.
            return_outputs: True to return the student's outputs too.
            num_items_in_batch: Not used.
        """
        outputs = model(**inputs)
        with torch.no_grad():
            target = self.teacher(**inputs).logits
        soft = torch.nn.functional.kl_div(
            torch.log_softmax(outputs.logits / TEMPERATURE, dim=-1),
            torch.softmax(target / TEMPERATURE, dim=-1),
            reduction="batchmean",
        )
        loss = ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * outputs.loss
        return (loss, outputs) if return_outputs else loss


class Run:
    """The rows, the tokenizer and the options that all stages share."""

    def __init__(self, args, folder, frames):
        self.args, self.folder, self.frames = args, folder, frames
        self.labels = sorted(frames["train"]["label"].unique())
        self.ids = {label: number for number, label in enumerate(self.labels)}
        self.tokenizer = AutoTokenizer.from_pretrained(args.model)
        self.encoded = {side: self.encode(frame) for side, frame in frames.items()}

    def encode(self, frame):
        """Return the tokens of a frame."""
        rows = Dataset.from_dict(
            {"text": frame["text"].tolist(), "label": [self.ids[label] for label in frame["label"]]}
        )
        return rows.map(lambda batch: self.tokenizer(batch["text"], truncation=True, max_length=128), batched=True)

    def train(self, model, epochs, learning_rate, teacher=None):
        """Train a model, by a teacher if there is one.

        Args:
            model: Classifier.
            epochs: Number of epochs.
            learning_rate: Peak learning rate.
            teacher: Model whose logits it learns from; None for the labels alone.
        """
        arguments = TrainingArguments(
            output_dir=str(self.folder / "trainer"),
            learning_rate=learning_rate,
            per_device_train_batch_size=self.args.batch,
            num_train_epochs=epochs,
            weight_decay=0.01,
            seed=self.args.seed,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        data = {"train_dataset": self.encoded["train"], "data_collator": DataCollatorWithPadding(self.tokenizer)}
        trainer = (
            DistillationTrainer(model, arguments, teacher=teacher, **data)
            if teacher
            else Trainer(model, arguments, **data)
        )
        trainer.train()
        return model

    def export(self, model, name):
        """Write a model as ONNX, quantize it to int8, and return the file."""
        plain, quantized = self.folder / f"{name}.onnx", self.folder / f"{name}.int8.onnx"
        inputs = dict(self.tokenizer(["a text", "another text"], padding=True, return_tensors="pt"))
        torch.onnx.export(
            model.eval(),
            (),
            plain,
            kwargs=inputs,
            input_names=list(inputs),
            dynamo=True,
            dynamic_shapes={key: dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC) for key in inputs},
            external_data=False,
            verbose=False,
        )
        quantize_dynamic(plain, quantized, weight_type=QuantType.QInt8)
        return quantized


def main():
    disable_progress_bars()
    args = common.arguments()
    set_seed(args.seed)
    watch = Stopwatch()
    train, test = (pd.read_csv(path, keep_default_na=False) for path in (args.train, args.test))
    watch.stage("ingest")
    validate(train)
    watch.stage("validate")
    train, validation = train_test_split(train, test_size=0.1, random_state=args.seed)
    watch.stage("split")
    train = pd.concat([train, swapped(train, args.seed)], ignore_index=True)
    watch.stage("augment")
    with tempfile.TemporaryDirectory() as name:
        run = Run(args, Path(name), {"train": train, "validation": validation, "holdout": test})
        full = AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=len(run.labels))
        run.train(full, args.epochs, args.learning_rate)
        watch.stage("train")
        models = {"full": measured(torch_predictor(run, full), run, size_of(full))}
        watch.stage("evaluate")
        files = compress(run, full, models)
        watch.stage("compress")
        register(run, files, models)
        watch.stage("register")
    print(json.dumps({"seconds": watch.seconds, "models": models}))


def validate(frame):
    """Check the rows with Great Expectations."""
    context = gx.get_context(mode="ephemeral")
    batch = (
        context.data_sources.add_pandas("rows").add_dataframe_asset("today").add_batch_definition_whole_dataframe("all")
    )
    suite = gx.ExpectationSuite(
        name="rows",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="text"),
            gxe.ExpectColumnValuesToNotBeNull(column="label"),
            gxe.ExpectColumnValueLengthsToBeBetween(column="text", min_value=1, max_value=10_000),
            gxe.ExpectTableRowCountToBeBetween(min_value=100),
        ],
    )
    result = batch.get_batch({"dataframe": frame}).validate(suite)
    if not result.success:
        raise SystemExit("the rows failed the expectations")


def swapped(frame, seed):
    """Return a copy of each row with a tenth of its words exchanged with the next one."""
    generator = random.Random(seed)

    def swap(text):
        words = text.split()
        for position in range(len(words) - 1):
            if generator.random() < 0.1:
                words[position], words[position + 1] = words[position + 1], words[position]
        return " ".join(words)

    return frame.assign(text=[swap(text) for text in frame["text"]])


def compress(run, full, models):
    """Make the candidates of nightshift's default recipes, and return the files of the quantized ones."""
    files = {"quantize": run.export(full, "quantize")}
    student = run.train(every_second_layer(full), DISTIL_EPOCHS, COMPRESSION_RATE, teacher=full)
    models["distil"] = measured(torch_predictor(run, student), run, size_of(student))
    files["distil+quantize"] = run.export(student, "distil")
    pruned_student = run.train(half_of_weights(student), RECOVERY_EPOCHS, COMPRESSION_RATE, teacher=full)
    files["distil+prune+quantize"] = run.export(without_masks(pruned_student), "distil-prune")
    for name, file in files.items():
        models[name] = measured(onnx_predictor(run, file), run, file.stat().st_size)
    return files


def copy_of(model):
    """Return a copy of a model."""
    copy = type(model)(model.config)
    copy.load_state_dict(model.state_dict())
    return copy


def every_second_layer(model):
    """Return a copy with every second layer."""
    student = copy_of(model)
    student.bert.encoder.layer = torch.nn.ModuleList(list(student.bert.encoder.layer)[::2])
    student.config = type(model.config).from_dict(
        model.config.to_dict() | {"num_hidden_layers": len(student.bert.encoder.layer)}
    )
    return student


def linear_layers(model):
    """Return the linear layers of the encoder."""
    return [module for module in model.bert.encoder.modules() if isinstance(module, torch.nn.Linear)]


def half_of_weights(model):
    """Mask the half of the weights with the smallest magnitude."""
    prune.global_unstructured(
        [(layer, "weight") for layer in linear_layers(model)], pruning_method=prune.L1Unstructured, amount=0.5
    )
    return model


def without_masks(model):
    """Write the masks into the weights."""
    for layer in linear_layers(model):
        prune.remove(layer, "weight")
    return model


def size_of(model):
    """Return the bytes of a model's weights in float32."""
    return sum(weight.numel() for weight in model.parameters()) * 4


def torch_predictor(run, model):
    """Return a function from texts to class ids, in PyTorch."""

    def predict(texts):
        with torch.no_grad():
            inputs = run.tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
            return model.eval()(**inputs).logits.argmax(-1).numpy()

    return predict


def onnx_predictor(run, file):
    """Return a function from texts to class ids, in ONNX Runtime."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]

    def predict(texts):
        inputs = run.tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="np")
        return session.run(None, {name: inputs[name] for name in names})[0].argmax(-1)

    return predict


def measured(predict, run, size):
    """Return accuracy and macro-F1 on the holdout, the median latency of a text, and the size."""
    texts = run.frames["holdout"]["text"].tolist()
    target = np.array([run.ids.get(label, -1) for label in run.frames["holdout"]["label"]])
    parts = [predict(texts[start : start + common.EVAL_BATCH]) for start in range(0, len(texts), common.EVAL_BATCH)]
    predicted = np.concatenate(parts)
    milliseconds = []
    for text in texts[:TIMED_TEXTS]:
        start = time.perf_counter()
        predict([text])
        milliseconds.append(1000 * (time.perf_counter() - start))
    return {
        "accuracy": float((predicted == target).mean()),
        "macro_f1": float(f1_score(target, predicted, average="macro")),
        "latency_ms_p50": median(milliseconds),
        "size_mb": size / 1e6,
    }


def register(run, files, models):
    """Log the night in MLflow, register the fastest model within a point of full, and promote it if it is no worse."""
    mlflow.set_tracking_uri(f"sqlite:///{run.folder}/mlflow.db")
    mlflow.set_experiment("night")
    good = [name for name in files if models[name]["accuracy"] >= models["full"]["accuracy"] - 0.01] or ["quantize"]
    chosen = min(good, key=lambda name: models[name]["latency_ms_p50"])
    with mlflow.start_run():
        for name, costs in models.items():
            mlflow.log_metrics({f"{name.replace('+', '-')}_{key}": value for key, value in costs.items()})
        mlflow.onnx.log_model(onnx.load(files[chosen]), name="model", registered_model_name="night")
    mlflow.MlflowClient().set_registered_model_alias("night", "champion", "1")
    models[chosen]["chosen"] = True


if __name__ == "__main__":
    main()
