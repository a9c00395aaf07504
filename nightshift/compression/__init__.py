"""Layer dropping, width and head pruning, importance, reconstruction and smaller vocabularies."""
