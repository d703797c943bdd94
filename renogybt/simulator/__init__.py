"""The same radio without hardware."""
