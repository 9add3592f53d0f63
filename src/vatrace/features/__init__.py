"""What is measured in every frame: the face's picture, the voice's sound, all on the video's own clock."""
