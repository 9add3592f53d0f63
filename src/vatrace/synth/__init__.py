"""The procedural corpus: drawn talking faces with a known truth. For testing; no evidence about people."""
