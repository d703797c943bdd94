"""Renogy's register maps as rows of data, and the values that replies hold."""
