"""Generated hostile input, by a command with a count; tests/test_fuzz.py runs a little of it."""
