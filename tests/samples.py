"""Short made-up messages in two classes."""

import random

GOOD = ["lovely", "great", "superb", "charming", "warm", "bright", "happy", "fine", "delightful", "splendid"]
BAD = ["awful", "poor", "broken", "dull", "cold", "late", "rude", "sad", "terrible", "dreadful"]
PLAIN = [
    "the",
    "parcel",
    "tent",
    "stove",
    "lamp",
    "came",
    "with",
    "a",
    "box",
    "and",
    "one",
    "blue",
    "bag",
    "on",
    "monday",
    "morning",
    "from",
    "shop",
    "to",
    "me",
    "again",
]


def messages(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """Distinct short messages with their labels; a few are mislabelled."""
    draw, labels_by_text = random.Random(seed), {}
    while len(labels_by_text) < count:
        label = draw.choice(["good", "bad"])
        words = draw.sample(PLAIN, draw.randint(3, 9)) + draw.sample(GOOD if label == "good" else BAD, 2)
        draw.shuffle(words)
        labels_by_text[" ".join(words)] = label if draw.random() > 0.03 else "bad"
    return list(labels_by_text.items())


def hostile(host: str) -> list[str]:
    """Texts that would load, link or run something of `host` where they are not escaped."""
    return [
        f"![x]({host}/a.png)",
        f"<img src={host}/b.png>",
        f"<script>fetch('{host}/c')</script>",
        "[x](javascript:alert(1))",
        f"{host}/d www.elsewhere.test/x HTTPS://elsewhere.test me@elsewhere.test",
        f"<{host}/e>",
        "![x][r]",
        f"\\![x]({host}/f.png) &#33;[x]({host}/g.png)",
        f"x\n\n![n]({host}/h.png)",
        f'=HYPERLINK("{host}/i")',
        "`a` | **b** _c_ ~~d~~ $x^2$ @someone &lt; :smile:",
        "# h",
        "- [ ] x",
        "1. x",
        "1) x",
        "===",
        f"[r]: {host}/j.png",
        f"<svg onload=\"fetch('{host}/k')\">",
    ]


HOSTILE = hostile("http://elsewhere.test")

SECRET = "s3cr3t-w0rd"
ADDRESSES = [
    f"https://ada:{SECRET}@host.test/x.csv",
    f"https://{SECRET}@host.test/x.csv",
    f"https://ada:{SECRET}@x@host.test/x",
    f"https://ada:x/{SECRET}@host.test/x",
    f"https://ada:x#{SECRET}?@host.test/x",
    f"postgresql+psycopg://ada:{SECRET}@db:5432/mlflow?sslmode=require",
    f"postgresql://db/mlflow?user=ada&password={SECRET}",
    f"postgresql+pg8000://ada@db/mlflow?password={SECRET}",
    f"git+https://{SECRET}@host.test/x",
    f"https://host.test/x.csv?sig={SECRET}&sv=1",
    f"https://b.s3.test/x?X-Amz-Algorithm=A&X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}",
    f"https://host.test/x?a=1&access_token={SECRET}",
    f"hf:https://ada:{SECRET}@hub.test/x",
    f"hf:ada:{SECRET}@team/rows",
]
"""Addresses that carry `SECRET`."""
HARMLESS = [
    "hf:team/rows@main#train",
    "models:/reviews@champion",
    "http://127.0.0.1:5000/#/models/x/versions/1@champion",
    "file:///home/ada@work/x.csv",
    "sqlite:////home/ada@work/mlflow.db",
    "postgresql+pg8000://ada@db.test:5432/shop?sslmode=require#reviews",
    "http://[::1]:5000/a?b=1 by ada@host.test",
    "rows.csv: expected pad_token='[PAD]'",
]
