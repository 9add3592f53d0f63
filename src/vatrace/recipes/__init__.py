"""One file is one command: plain functions of typed arguments. Heavy imports happen when a recipe is called."""
