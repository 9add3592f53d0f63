"""Tables, figures, pages and files that a person reads."""
