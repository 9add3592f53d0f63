"""Losses, schedule and loops: masked-autoencoder pre-training, hierarchical fine-tuning, temporal training."""
