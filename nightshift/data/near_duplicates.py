"""Near-duplicates: texts that differ by a word, the order, case, punctuation, a cut end or a word typed again.

A text is its tokens: words without case and punctuation; in Chinese, Japanese and Korean its characters. Candidates are rows with an
equal key, so that the cost is linear in the tokens:

- short texts, the sums of token hashes that are left without one word (deletion neighbourhood, Bocek et al. 2007, without
  order) and those of the text's beginnings;
- long texts, bands of their MinHash over pairs of neighbouring words (rensa).

Each candidate is verified by the tokens that both texts have. Whether two texts are near-duplicates depends on them alone.
"""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import rensa  # type: ignore[import-untyped]
from scipy import sparse

MIN_SIMILARITY = 0.8
"""Least Dice coefficient of the tokens of two near-duplicates."""
MIN_IN_ORDER = 0.5
"""Least Dice coefficient of the pairs of neighbouring tokens, where tokens differ."""
MIN_WORDS, CHARACTER = 6.0, 0.6
"""Texts with fewer words are near-duplicates only if all tokens are equal, in order; a character counts as part of a word."""
MIN_PREFIX = 0.6
"""Least fraction of a text that is left of its truncated near-duplicate."""
MAX_SHORT, MIN_LONG = 40, 25
"""Most tokens of a short text and fewest of a long one; they overlap so that near-duplicates have a kind in common."""
BANDS, BAND_ROWS = 24, 4
"""Bands of the MinHash and hashes in each: texts that share 60 % of their word pairs have an equal band with probability 0.96."""
CHUNK = 100_000
"""Rows, or pairs, that are worked on at once."""
PARTITION_ROWS = 500_000
"""Rows whose keys are sorted at once, if the keys are in files; short texts have some 20 keys each."""

UNSEEN = r"[\p{Cf}\x{FE0F}'’ʼ]"
"""Characters that leave no gap: zero-width ones, apostrophes, and the one that asks for a coloured emoji."""
GAP = r"[^\p{L}\p{N}\p{M}\p{So}]+"
"""Characters between words."""
ONE_CHARACTER = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{So}]"
"""Characters that are a token each: those of scripts without spaces between words, and emoji."""

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Tokens:
    """Tokens of texts, one after the other."""

    hashes: Hashes
    starts: Integers
    """Index of each text's first token, and the number of all tokens."""
    is_character: npt.NDArray[np.bool_]
    """True for a token that is part of a word: a character of a script without spaces."""
    files: "TokenFiles | None" = None
    """The files that the arrays show, if they are not in memory."""

    @property
    def lengths(self) -> Integers:
        """Number of tokens of each text."""
        return np.diff(self.starts)

    @property
    def num_characters(self) -> Integers:
        """Number of tokens of each text that are characters of a script without spaces."""
        totals = np.concatenate([[0], self.is_character.cumsum()])
        return np.diff(totals[self.starts])

    def take(self, rows: Integers) -> "Tokens":
        """Return the tokens of some texts."""
        index, starts = _ranges(self.starts[rows], self.lengths[rows])
        selected = Tokens(self.hashes[index], starts, self.is_character[index])
        if self.files:
            self.files.release()
        return selected


class TokenFiles:
    """Tokens in files of a folder, of which only those that are looked at are in memory."""

    def __init__(self, folder: Path) -> None:
        """Note the folder."""
        self._files = [folder / "hashes", folder / "is_character"]
        self._maps: list[mmap.mmap] = []

    def write(self, batches: Iterable[Tokens]) -> Tokens:
        """Return the tokens of all batches, which lie in the files."""
        lengths = [np.zeros(1, np.int64)]
        hashes, flags = (file.open("wb") for file in self._files)
        with hashes, flags:
            for batch in batches:
                batch.hashes.tofile(hashes)
                batch.is_character.tofile(flags)
                lengths.append(batch.lengths)
        starts = np.concatenate(lengths).cumsum()
        if not starts[-1]:
            return Tokens(np.zeros(0, np.uint64), starts, np.zeros(0, np.bool_))
        for file in self._files:
            with file.open("rb") as opened:
                self._maps.append(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
        return Tokens(np.frombuffer(self._maps[0], np.uint64), starts, np.frombuffer(self._maps[1], np.bool_), self)

    def release(self) -> None:
        """Take the pages that were looked at out of this process's memory."""
        for mapped in self._maps:
            mapped.madvise(mmap.MADV_DONTNEED)


def near_duplicate_pairs(texts: pa.Array | pa.ChunkedArray, min_similarity: float = MIN_SIMILARITY) -> Integers:
    """Return pairs of near-duplicates, as two columns of row numbers; the first is the smaller.

    A row with near-duplicates before it is the second row of at least one pair. Of a group, not all pairs are returned: each row
    is compared with the first row of the group and with the row before it. Missing texts have no near-duplicates.
    """
    tokens = tokenize(texts)
    return _pairs_among(tokens, np.arange(len(tokens.lengths)), min_similarity)


def near_duplicate_pairs_of_batches(
    batches: Iterable[pa.Array], parts: npt.NDArray[np.int64], folder: Path, min_similarity: float = MIN_SIMILARITY
) -> Integers:
    """Return pairs of near-duplicates as `near_duplicate_pairs` does, of texts that do not fit into memory.

    Tokens and keys are kept in files; in memory are a few numbers a row, the keys of a partition, and the tokens of a chunk.

    Args:
        batches: The texts, batch by batch.
        parts: Number of each row's part; the parts are searched separately.
        folder: Folder for temporary files, which are removed.
        min_similarity: Least Dice coefficient of the tokens of two near-duplicates.
    """
    with TemporaryDirectory(dir=folder) as temporary:
        tokens = TokenFiles(Path(temporary)).write(map(tokenize, batches))
        pairs = [np.zeros((0, 2), np.int64)]
        for part in pd.unique(parts):
            pairs.append(_pairs_among(tokens, np.flatnonzero(parts == part), min_similarity, Path(temporary)))
        return np.concatenate(pairs)


def _pairs_among(tokens: Tokens, rows: Integers, min_similarity: float, folder: Path | None = None) -> Integers:
    """Return pairs of near-duplicates among some rows; keys are kept in files of `folder` if there is one."""
    search = _search(tokens, rows, min_similarity, folder)
    first = search.first_rows[search.text_of_row]
    is_repeated = search.has_tokens & (first != np.arange(len(rows)))
    repeated = np.column_stack([rows[first[is_repeated]], rows[is_repeated]])
    return np.concatenate([repeated, rows[search.first_rows][search.pairs]])


def has_near_duplicate_in(
    texts: pa.Array | pa.ChunkedArray, others: pa.Array | pa.ChunkedArray, min_similarity: float = MIN_SIMILARITY
) -> npt.NDArray[np.bool_]:
    """Return True for each text that has a near-duplicate among `others`."""
    chunks = [chunk for array in (others, texts) for chunk in getattr(array, "chunks", [array])]
    all_texts = pa.chunked_array([chunk.cast(pa.large_string()) for chunk in chunks], pa.large_string())
    tokens = tokenize(all_texts)
    search = _search(tokens, np.arange(len(tokens.lengths)), min_similarity)
    is_other = search.first_rows < len(others)
    is_near = is_other & search.has_tokens[search.first_rows]
    across = search.pairs[is_other[search.pairs[:, 0]]]
    is_near[across[:, 1]] = True
    return is_near[search.text_of_row[len(others) :]]


def join_texts(rows: pd.DataFrame, columns: Sequence[str]) -> pa.Array:
    """Return the texts of several columns as one text a row."""
    return join_columns([pa.array(rows[name], pa.large_string(), from_pandas=True) for name in columns])


def join_columns(columns: Sequence[pa.Array]) -> pa.Array:
    """Return the texts of several columns as one text a row."""
    texts = [column.cast(pa.large_string()) for column in columns]
    return pc.binary_join_element_wise(*texts, pa.scalar("\n", pa.large_string()), null_handling="replace")


@dataclass(frozen=True)
class _Search:
    """Near-duplicates among the distinct texts of rows."""

    text_of_row: Integers
    first_rows: Integers
    """First row of each distinct text, in ascending order."""
    has_tokens: npt.NDArray[np.bool_]
    """True for each row with a word."""
    pairs: Integers
    """Pairs of distinct texts; the first is the smaller number."""


def _search(tokens: Tokens, rows: Integers, min_similarity: float, folder: Path | None = None) -> _Search:
    first_rows, text_of_row = _distinct(tokens, rows)
    distinct = rows[first_rows]
    parts = [
        _verified(tokens, distinct, candidates, min_similarity) for candidates in _candidates(tokens, distinct, folder)
    ]
    codes = np.unique(np.concatenate([np.zeros(0, np.int64), *(_as_codes(part, len(distinct)) for part in parts)]))
    return _Search(text_of_row, first_rows, tokens.lengths[rows] > 0, _from_codes(codes, len(distinct)))


def tokenize(texts: pa.Array | pa.ChunkedArray) -> Tokens:
    """Return the tokens of texts: words without case and punctuation, or characters of scripts without spaces."""
    hashes, lengths, is_character = [], [], []
    for start in range(0, len(texts), CHUNK):
        words, counts = _words(texts[start : start + CHUNK])
        vocabulary = words.dictionary_encode()
        index = vocabulary.indices.to_numpy()
        entries = vocabulary.dictionary
        hashes.append(pd.util.hash_array(entries.to_numpy(zero_copy_only=False).astype(object))[index])
        is_character.append(pc.match_substring_regex(entries, ONE_CHARACTER).to_numpy(zero_copy_only=False)[index])
        lengths.append(counts)
    starts = np.concatenate([[0], *lengths]).cumsum()
    if not hashes:
        return Tokens(np.zeros(0, np.uint64), starts.astype(np.int64), np.zeros(0, np.bool_))
    return Tokens(np.concatenate(hashes), starts, np.concatenate(is_character))


def _words(texts: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, Integers]:
    """Return the words of texts, one after the other, and the number of words of each text."""
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    texts = pc.utf8_lower(pc.utf8_normalize(texts.cast(pa.large_string()).fill_null(""), form="NFKC"))
    texts = pc.replace_substring_regex(pc.replace_substring_regex(texts, UNSEEN, ""), GAP, " ")
    texts = pc.replace_substring_regex(texts, f"({ONE_CHARACTER})", r" \1 ")
    texts = pc.ascii_trim_whitespace(texts)
    cells = pc.if_else(
        pc.equal(texts, ""), pa.scalar(None, pa.list_(pa.large_string())), pc.ascii_split_whitespace(texts)
    )
    return cells.flatten(), pc.list_value_length(cells).fill_null(0).to_numpy().astype(np.int64)


def _ranges(starts: Integers, lengths: Integers) -> tuple[Integers, Integers]:
    """Return the indices of all ranges, one after the other, and where each range begins among them."""
    offsets = np.concatenate([[0], lengths]).cumsum()
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths), offsets


def _sums(tokens: Tokens, values: Hashes) -> Hashes:
    """Return the sum, modulo 2**64, of the values of each text's tokens."""
    totals = np.concatenate([np.zeros(1, np.uint64), values.cumsum(dtype=np.uint64)])
    sums: Hashes = totals[tokens.starts[1:]] - totals[tokens.starts[:-1]]
    return sums


def _mix(values: Hashes) -> Hashes:
    """Return hashes of 64-bit integers (the finalizer of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _positions(tokens: Tokens) -> Integers:
    """Return the position of each token in its text."""
    return np.arange(tokens.starts[-1]) - np.repeat(tokens.starts[:-1], tokens.lengths)


def _neighbours(tokens: Tokens) -> Tokens:
    """Return the pairs of neighbouring tokens of texts, none of which is empty."""
    owners = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)
    is_pair = owners[:-1] == owners[1:]
    hashes = (tokens.hashes[:-1] * np.uint64(3) + tokens.hashes[1:])[is_pair]
    return Tokens(hashes, tokens.starts - np.arange(len(tokens.starts)), tokens.is_character[:-1][is_pair])


def _distinct(tokens: Tokens, rows: Integers) -> tuple[Integers, Integers]:
    """Return the first of the rows with each distinct sequence of tokens, and the number of its sequence for each row."""
    sums = [np.zeros(0, np.uint64)]
    for start in range(0, len(rows), CHUNK):
        chunk = tokens.take(rows[start : start + CHUNK])
        ordered = _mix(chunk.hashes + _mix(_positions(chunk).astype(np.uint64)))
        sums.append(_sums(chunk, ordered))
    _, first, inverse = np.unique(np.concatenate(sums), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse]


def _candidates(tokens: Tokens, rows: Integers, folder: Path | None) -> Iterator[Integers]:
    """Yield pairs of texts with an equal key: each with the first and with the previous of its key.

    Args:
        tokens: Tokens of all rows.
        rows: Rows with different texts; a text is named by its position among them.
        folder: Folder for the keys; None to keep them in memory.
    """
    bits = np.uint64(max(len(rows), 1).bit_length())
    for keys in _partitions(_packed_keys(tokens, rows, bits), folder, len(rows)):
        keys.sort()
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys
        later = np.flatnonzero((keys[1:] ^ keys[:-1]) < np.uint64(1) << bits) + 1
        begins = np.concatenate([[True], np.diff(later) > 1])[: len(later)]
        first = np.maximum.accumulate(np.where(begins, later - 1, 0))
        row_mask = (np.uint64(1) << bits) - np.uint64(1)
        texts = (keys & row_mask).astype(np.int64)
        pairs = np.column_stack([np.concatenate([texts[first], texts[later - 1]]), np.tile(texts[later], 2)])
        yield _from_codes(np.unique(_as_codes(pairs, len(rows))), len(rows))


def _as_codes(pairs: Integers, count: int) -> Integers:
    """Return a number for each pair of numbers below `count`."""
    codes: Integers = pairs[:, 0] * count + pairs[:, 1]
    return codes


def _from_codes(codes: Integers, count: int) -> Integers:
    return np.column_stack([codes // max(count, 1), codes % max(count, 1)])


def _partitions(batches: Iterable[Hashes], folder: Path | None, num_rows: int) -> Iterator[Hashes]:
    """Yield all keys in partitions, by their highest bits; in one if there is no folder to keep them in."""
    if folder is None:
        yield np.concatenate([np.zeros(0, np.uint64), *batches])
        return
    bits = max(num_rows // PARTITION_ROWS, 1).bit_length()
    files = [folder / f"keys{number}" for number in range(1 << bits)]
    for keys in batches:
        numbers = keys >> np.uint64(64 - bits)
        for number, file in enumerate(files):
            with file.open("ab") as opened:
                keys[numbers == number].tofile(opened)
    for file in files:
        if file.exists():
            yield np.fromfile(file, np.uint64)
            file.unlink()


def _packed_keys(tokens: Tokens, rows: Integers, bits: np.uint64) -> Iterator[Hashes]:
    """Yield the keys of all texts, with the text's number in the lowest `bits`."""
    for start in range(0, len(rows), CHUNK):
        chunk = tokens.take(rows[start : start + CHUNK])
        lengths = chunk.lengths
        is_long_enough = lengths - (1 - CHARACTER) * chunk.num_characters >= MIN_WORDS
        texts = np.flatnonzero(is_long_enough)
        for part, make in ((texts, _whole_keys), (texts[lengths[texts] <= MAX_SHORT], _short_keys)):
            keys, owners = make(chunk.take(part))
            yield (keys >> bits << bits) | (part[owners] + start).astype(np.uint64)
        long = texts[lengths[texts] >= MIN_LONG]
        for begin in range(0, len(long), CHUNK // 5):
            part = long[begin : begin + CHUNK // 5]
            keys, owners = _long_keys(chunk.take(part))
            yield (keys >> bits << bits) | (part[owners] + start).astype(np.uint64)


def _whole_keys(tokens: Tokens) -> tuple[Hashes, Integers]:
    """Return the sum of each text's tokens, which their order does not change, and the numbers of the texts."""
    return _sums(tokens, tokens.hashes), np.arange(len(tokens.lengths))


def _short_keys(tokens: Tokens) -> tuple[Hashes, Integers]:
    """Return the sums without each word and those of the beginnings of texts, and the number of each key's text.

    A word is a token, or two neighbouring characters of a script without spaces.
    """
    owners = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)
    position, length = _positions(tokens), tokens.lengths[owners]
    whole = _sums(tokens, tokens.hashes)[owners]
    totals = tokens.hashes.cumsum(dtype=np.uint64)
    before = np.concatenate([np.zeros(1, np.uint64), totals])[tokens.starts[:-1]][owners]
    is_pair = np.zeros(len(owners), np.bool_)
    is_pair[:-1] = tokens.is_character[:-1] & tokens.is_character[1:] & (owners[:-1] == owners[1:])
    pair = np.flatnonzero(is_pair)
    is_beginning = (position + 2 >= MIN_PREFIX * length) & (position + 1 < length)
    keys = [
        whole - tokens.hashes,
        whole[pair] - tokens.hashes[pair] - tokens.hashes[pair + 1],
        (totals - before)[is_beginning],
    ]
    return np.concatenate(keys), np.concatenate([owners, owners[pair], owners[is_beginning]])


def _long_keys(tokens: Tokens) -> tuple[Hashes, Integers]:
    """Return the bands of each text's MinHash over pairs of neighbouring tokens, and the number of each key's text."""
    neighbours = _neighbours(tokens)
    digests = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
        neighbours.hashes, neighbours.starts.astype(np.uint64), num_perm=BANDS * BAND_ROWS, seed=0
    )
    hashes = np.array(digests.to_rows(), np.uint64).reshape(len(tokens.lengths), BANDS, BAND_ROWS)
    keys = _mix(np.arange(BANDS, dtype=np.uint64)) + np.zeros((len(hashes), 1), np.uint64)
    for row in range(BAND_ROWS):
        keys = _mix(keys + hashes[:, :, row])
    return keys.ravel(), np.repeat(np.arange(len(hashes)), BANDS)


def _verified(tokens: Tokens, rows: Integers, pairs: Integers, min_similarity: float) -> Integers:
    """Return the pairs of `rows` with enough common tokens, or of which one text is the beginning of the other.

    Of tokens that differ, the others must be in order: a text with another word and in another order is a text of its own.
    """
    parts = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(pairs), CHUNK):
        part = pairs[start : start + CHUNK]
        numbers, index = np.unique(part, return_inverse=True)
        texts, index = tokens.take(rows[numbers]), index.reshape(-1, 2)
        similarity, in_order = _dice(texts, index), _dice(_neighbours(texts), index) >= MIN_IN_ORDER
        is_near = (similarity == 1) | ((similarity >= min_similarity) & in_order) | _is_truncated(texts, index)
        parts.append(part[is_near])
    return np.concatenate(parts)


def _dice(tokens: Tokens, pairs: Integers) -> npt.NDArray[np.float64]:
    """Return the Dice coefficient of the two texts' tokens, each counted as often as it occurs."""
    words, columns = np.unique(tokens.hashes, return_inverse=True)
    ones = np.ones(len(columns), np.int32)
    counts = sparse.csr_matrix((ones, columns, tokens.starts), shape=(len(tokens.lengths), len(words)))
    counts.sum_duplicates()
    first, second = pairs.T
    common: Integers = np.asarray(counts[first].minimum(counts[second]).sum(axis=1)).ravel()
    coefficients: npt.NDArray[np.float64] = 2 * common / (tokens.lengths[first] + tokens.lengths[second])
    return coefficients


def _is_truncated(tokens: Tokens, pairs: Integers) -> npt.NDArray[np.bool_]:
    """Return True for pairs of which one text is the beginning of the other; its last word may be cut too."""
    lengths = tokens.lengths[pairs]
    shared = lengths.min(axis=1) - 1
    left, offsets = _ranges(tokens.starts[pairs[:, 0]], shared)
    right, _ = _ranges(tokens.starts[pairs[:, 1]], shared)
    differences = np.concatenate([[0], (tokens.hashes[left] != tokens.hashes[right]).cumsum()])
    is_beginning: npt.NDArray[np.bool_] = differences[offsets[1:]] == differences[offsets[:-1]]
    is_beginning &= shared + 1 >= MIN_PREFIX * lengths.max(axis=1)
    return is_beginning
