"""Cleanings, and texts on which their steps make work for each other."""

from hypothesis import strategies as st

from nightshift.text_cleaning import MASKS, Cleaning

ALL = Cleaning("NFKC", True, True, True, tuple(MASKS), (("ID-[0-9A-Z]+", "[ID]"), ("[aeiou]{3}", "")))
PIECES = ["<b>", "</b>", "<br/>", "<", ">", "&amp;", "&lt;", "&", "lt;", "amp;", "#49;", "<!--", "-->", "<script>", "</script>",
          "http://", "www.", "a@b.org", "ID-", "7", "1,5", "Ã©", "â€™", "ﬁ", "é", "e\u0301", "＆", "３", "\u200b", "\xa0", " ", "\n",
          "aei", "ou", "字"]  # fmt: skip
"""Parts of which steps make new work for each other."""
PART = st.lists(st.sampled_from(PIECES), max_size=15).map("".join)
CLEANINGS = st.builds(
    Cleaning,
    st.sampled_from([None, "NFC", "NFKC"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from(list(MASKS))).map(lambda names: tuple(sorted(names))),
    st.sampled_from([(), ALL.patterns]),
)
