"""AD structures, and the events of the kernel that carry them."""
