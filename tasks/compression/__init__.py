"""What the stage compress is made of: recipes, students, candidates, the choice, the search."""
