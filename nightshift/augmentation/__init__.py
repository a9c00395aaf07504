"""Changed copies and n-grams of texts."""
