"""Networks with their sizes, and the one way to save and load them."""
