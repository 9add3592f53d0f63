"""Find faces, follow the main person, and align the face to 224x224 pixels."""
