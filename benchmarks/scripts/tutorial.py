"""Fine-tuning as Hugging Face's tutorial on text classification does it: the Trainer, each batch padded to its longest text."""

import tempfile

import common
from datasets import Dataset, disable_progress_bars
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)


def main():
    disable_progress_bars()
    args = common.arguments()
    set_seed(args.seed)
    (texts, labels), (test_texts, test_labels) = common.rows(args.train), common.rows(args.test)
    ids = {label: i for i, label in enumerate(sorted(set(labels)))}

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=len(ids))
    clock = common.Clock(model, args.limit_seconds)

    def preprocess(examples):
        return tokenizer(examples["text"], truncation=True)

    dataset = Dataset.from_dict({"text": texts, "label": [ids[label] for label in labels]})
    dataset = dataset.map(preprocess, batched=True)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                learning_rate=args.learning_rate,
                per_device_train_batch_size=args.batch,
                num_train_epochs=args.epochs,
                weight_decay=0.01,
                seed=args.seed,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=dataset,
            data_collator=DataCollatorWithPadding(tokenizer=tokenizer),
            callbacks=[clock],
        )
        trainer.train()

    common.report(clock, model, tokenizer, test_texts, [ids.get(label) for label in test_labels])


if __name__ == "__main__":
    main()
