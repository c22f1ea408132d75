"""Composition roots and nothing else."""
