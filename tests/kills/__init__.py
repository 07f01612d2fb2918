"""Commands killed at random instants, and what is left of their files: `python -m tests.kills --help`."""
