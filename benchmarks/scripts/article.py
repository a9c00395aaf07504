"""Fine-tuning as the usual article shows it: an own loop, every text padded to 512 tokens, float32."""

import common
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_linear_schedule_with_warmup


class TextDataset(Dataset):
    def __init__(self, texts, labels, tokenizer):
        self.encodings = tokenizer(texts, padding="max_length", truncation=True, max_length=512, return_tensors="pt")
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return {name: values[i] for name, values in self.encodings.items()} | {"labels": self.labels[i]}


def main():
    args = common.arguments()
    torch.manual_seed(args.seed)
    (texts, labels), (test_texts, test_labels) = common.rows(args.train), common.rows(args.test)
    ids = {label: i for i, label in enumerate(sorted(set(labels)))}

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=len(ids))
    clock = common.Clock(model, args.limit_seconds)
    dataset = TextDataset(texts, [ids[label] for label in labels], tokenizer)
    loader = DataLoader(dataset, batch_size=args.batch, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate)
    scheduler = get_linear_schedule_with_warmup(optimizer, 0, args.epochs * len(loader))

    model.train()
    for _ in range(args.epochs):
        for batch in loader:
            optimizer.zero_grad()
            loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            if clock.tick():
                break
        if clock.is_over:
            break

    common.report(clock, model, tokenizer, test_texts, [ids.get(label) for label in test_labels])


if __name__ == "__main__":
    main()
