"""Side-by-side measurements, each one command: `nightshift bench NAME`."""
