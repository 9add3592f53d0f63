"""The one guarded opener for video and sound, and the one writer."""
