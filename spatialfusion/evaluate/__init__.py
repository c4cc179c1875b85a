"""Measuring what was generated against what was asked for."""
