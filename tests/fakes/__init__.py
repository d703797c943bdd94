"""Stand-ins for the outside world, with behaviour instead of expectations."""
