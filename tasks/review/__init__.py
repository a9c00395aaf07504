"""The stage review: settings, and the list of rows that a person should look at."""
