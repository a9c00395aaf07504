"""Data sets of the Hugging Face Hub, by `datasets`."""

from collections.abc import Iterator

import pyarrow as pa

from nightshift.data import size_limits
from nightshift.data.batches import BATCH_ROWS, Batch
from nightshift.data.class_names import named_batch
from nightshift.errors import EmptyInputError, InputError, first_line


def read_dataset(address: str) -> Iterator[Batch]:
    """Yield the rows of `hf:ID[@REVISION][#SPLIT]` through `datasets`; a folder is an ID too.

    Raises:
        InputError: With the reason, if it cannot be loaded.
    """
    import datasets

    name, _, part = address.removeprefix("hf:").partition("#")
    name, _, revision = name.partition("@")
    try:
        dataset = datasets.load_dataset(name, revision=revision or None, split=part or "train")
        size_limits.ensure_memory(address, dataset.data.nbytes, len(dataset))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"data.path: the data set {address} cannot be loaded: {first_line(error)}") from error
    if not len(dataset):
        raise EmptyInputError(f"data.path: the data set {address} holds no rows")
    features = dataset.features.to_dict()
    for start in range(0, len(dataset), BATCH_ROWS):
        rows = dataset.with_format("arrow")[start : start + BATCH_ROWS]
        yield named_batch(pa.table(rows), start + 1, features)
