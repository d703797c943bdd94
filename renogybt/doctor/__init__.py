"""What is missing or in the way on this machine, and what to do about it. Nothing is changed."""
