"""The commands, by subject: each takes an environment and does the same in all of them."""
