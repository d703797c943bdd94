"""What the program costs: processor time, memory, latency, start-up. See README.md."""
