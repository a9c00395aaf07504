"""The stage compress: recipes, students, candidates, the choice among them, the search."""

from tasks.compress.settings import CompressSettings
from tasks.compress.stage import compress

__all__ = ["CompressSettings", "compress"]
