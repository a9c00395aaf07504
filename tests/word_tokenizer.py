"""A tokenizer file for tests."""

from tokenizers import Tokenizer, models, pre_tokenizers


def word_tokenizer(folder):
    """Write a tokenizer that makes a token of each word, and return the path of its file."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder / "tokenizer.json")
