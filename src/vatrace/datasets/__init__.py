"""Annotations, splits and windows as the training loop needs them."""
