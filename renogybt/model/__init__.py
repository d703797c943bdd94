"""The words that all rooms share. Imports nothing of the house."""
