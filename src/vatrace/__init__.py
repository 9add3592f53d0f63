"""vatrace: a valence-arousal trace of a video, frame by frame, with what each value rests on."""

__version__ = "0.1.0"
