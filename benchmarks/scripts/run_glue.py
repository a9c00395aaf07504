"""Fine-tuning with the defaults of Hugging Face's example run_glue: the Trainer, every text padded to 128 tokens, float32."""

import tempfile

import common
from datasets import Dataset, disable_progress_bars
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    default_data_collator,
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
        return tokenizer(examples["text"], padding="max_length", max_length=128, truncation=True)

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
                seed=args.seed,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=dataset,
            data_collator=default_data_collator,
            callbacks=[clock],
        )
        trainer.train()

    common.report(clock, model, tokenizer, test_texts, [ids.get(label) for label in test_labels])


if __name__ == "__main__":
    main()
