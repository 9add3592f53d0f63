"""From features to a trace, and from a video to a trace."""
