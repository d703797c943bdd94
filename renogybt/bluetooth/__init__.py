"""The radio on Linux: adapter, discovery session, advertisement intake."""
