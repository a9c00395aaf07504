"""Fine-tuning as the pipeline does it: `nightshift.training.trainer.fit`, batches of similar length, bf16 where the processor has it."""

import tempfile
from pathlib import Path

import common

from nightshift.models import pretrained
from nightshift.models.heads import Head
from nightshift.training import trainer
from nightshift.training.tokenization import encode


def main():
    args = common.arguments()
    (texts, labels), (test_texts, test_labels) = common.rows(args.train), common.rows(args.test)
    head = Head("classification", tuple(sorted(set(labels))))
    heads = {"main": head}

    tokenizer = pretrained.load_tokenizer(args.model, {}, [])
    model = pretrained.load(args.model, heads, tokenizer, args.seed)
    clock = common.Clock(model, args.limit_seconds)
    examples = encode(tokenizer, head, texts, None, labels, max_length=128)
    arguments = {
        "learning_rate": args.learning_rate,
        "per_device_train_batch_size": args.batch,
        "num_train_epochs": args.epochs,
        "weight_decay": 0.01,
        "seed": args.seed,
        "save_steps": 10**9,
        "save_total_limit": 1,
    }
    with tempfile.TemporaryDirectory() as folder:
        job = trainer.TrainerJob(model, tokenizer, heads, {"main": examples}, {}, Path(folder), arguments)
        trainer.fit(job, [clock])

    ids = {label: i for i, label in enumerate(head.labels)}
    common.report(clock, model, tokenizer, test_texts, [ids.get(label) for label in test_labels])


if __name__ == "__main__":
    main()
