"""The stage compress: recipes, students, candidates, the choice among them, the search."""
