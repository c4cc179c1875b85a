"""Drawings of body plans, by subject."""
