"""The stage compress: recipes, students, candidates, the choice among them, the search."""

from tasks.compress.stage import CompressSettings, compress

__all__ = ["CompressSettings", "compress"]
