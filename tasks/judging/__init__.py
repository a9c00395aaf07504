"""What the gate rests on: registered versions that answer again, what is claimed, and what a test of it spends."""
