"""Pure modules: no files, no configuration, no devices. Tensors are (batch, frames, dim)."""
