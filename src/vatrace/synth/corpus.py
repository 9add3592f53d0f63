"""One clip of the procedural corpus, from a seed to an `.mp4` file.

`plan_clip` decides everything but the pixels and is quick; `render_frames` draws; `write_clip` draws and encodes. A
clip depends on (seed, subject, clip, seconds, fps) alone, so clips can be made in any order and by any number of
processes. Who is seen depends on (seed, subject) alone.

    >>> clip = plan_clip(7, subject=3, clip=1, seconds=12)
    >>> clip.name, len(clip.truth), clip.waveform.shape
    ('s003-1', 300, (192000,))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vatrace.media.encode import write_video
from vatrace.streams import Trace
from vatrace.synth.channel import disturb
from vatrace.synth.episodes import Episode, draw_episodes
from vatrace.synth.expression import Motion, plan_motion
from vatrace.synth.latent import annotate, draw_truth
from vatrace.synth.scene import Scene
from vatrace.synth.seeds import Purpose, generator
from vatrace.synth.speech import Syllable, plan_speech
from vatrace.synth.subject import Subject, draw_subject
from vatrace.synth.voice import SAMPLE_RATE_HZ, make_voice

PICTURE_SIZE = 256  # pixels, width and height of a clip


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Everything about a clip but its pixels.

    Args:
        name: such as `"s003-1"`: subject, then clip.
        seed: of the corpus.
        subject: who is seen and heard.
        number: of the clip among the subject's.
        fps: frames a second; on average where the times are uneven.
        truth: valence and arousal that face and voice follow.
        annotation: what four raters made of them.
        episodes: when a channel says little.
        syllables: what is said.
        motion: what face, head and camera do.
        waveform: `[samples]`, mono float32 in (-1, 1), as it is in the file.
        sample_rate_hz: of the waveform.
    """

    name: str
    seed: int
    subject: Subject
    number: int
    fps: int | Fraction
    truth: Trace
    annotation: Trace
    episodes: tuple[Episode, ...]
    syllables: tuple[Syllable, ...]
    motion: Motion
    waveform: NDArray[np.float32]
    sample_rate_hz: int

    @property
    def times_seconds(self) -> NDArray[np.float64]:
        """Time of each frame, `[frames]`."""
        return self.truth.times_seconds


def clip_name(subject: int, clip: int) -> str:
    """Name of a clip, without a suffix."""
    return f"s{subject:03d}-{clip}"


def plan_clip(seed: int, subject: int, clip: int, seconds: float, fps: int = 25) -> Clip:
    """Decide everything about a clip but its pixels.

    Args:
        seed: of the corpus, 0 or more.
        subject: number of the subject, 0 or more.
        clip: number of the clip, 0 or more.
        seconds: length, at least two frames.
        fps: frames a second.

    Raises:
        ValueError: a negative number, or a clip of less than two frames.
    """
    num_frames = round(seconds * fps) if fps > 0 else 0
    if min(seed, subject, clip) < 0 or num_frames < 2:
        raise ValueError(
            f"seed {seed}, subject {subject}, clip {clip}, {seconds} s at {fps} fps: "
            "the first three must be 0 or more, and a clip needs at least two frames"
        )
    return plan_timed(seed, subject, clip, np.arange(num_frames) / fps, length_seconds=num_frames / fps, fps=fps)


def plan_timed(
    seed: int,
    subject: int,
    clip: int,
    times_seconds: NDArray[np.float64],
    *,
    length_seconds: float,
    fps: int | Fraction,
    planted: tuple[Episode, ...] = (),
) -> Clip:
    """Decide everything about a clip whose frames have times of their own, but its pixels.

    Args:
        seed: of the corpus, 0 or more.
        subject: number of the subject, 0 or more.
        clip: number of the clip, 0 or more.
        times_seconds: `[frames]`, increasing from 0; at least two.
        length_seconds: how long it sounds, longer than the last frame's time.
        fps: frames a second, on average where times are uneven.
        planted: episodes beside those that chance brings.
    """
    who = draw_subject(seed, subject)

    def chance(purpose: Purpose) -> np.random.Generator:
        return generator(seed, subject, clip, purpose)

    truth = draw_truth(chance(Purpose.TRUTH), times_seconds)
    episodes = (*draw_episodes(chance(Purpose.EPISODES), length_seconds), *planted)
    syllables = plan_speech(chance(Purpose.SPEECH), truth, who.voice, episodes)
    voice_chance = chance(Purpose.VOICE)
    voice = make_voice(voice_chance, truth, who.voice, syllables, length_seconds)
    return Clip(
        name=clip_name(subject, clip),
        seed=seed,
        subject=who,
        number=clip,
        fps=fps,
        truth=truth,
        annotation=annotate(chance(Purpose.RATERS), truth),
        episodes=episodes,
        syllables=syllables,
        motion=plan_motion(chance(Purpose.MOTION), truth, who.habits, syllables, episodes),
        waveform=disturb(voice_chance, voice, episodes),
        sample_rate_hz=SAMPLE_RATE_HZ,
    )


def render_frames(clip: Clip, size: int = PICTURE_SIZE) -> Iterator[NDArray[np.uint8]]:
    """Draw a clip, one frame at a time.

    Args:
        clip: from `plan_clip`.
        size: width and height, pixels; even.

    Yields:
        RGB frames, `uint8 [size, size, 3]`.
    """
    scene = Scene(clip.subject.looks, generator(clip.seed, clip.subject.number, clip.number, Purpose.CAMERA), size)
    for frame in range(len(clip.truth)):
        yield scene.film(clip.motion.pose(frame))


def write_clip(clip: Clip, path: Path) -> None:
    """Draw, encode (H.264, AAC) and commit a clip.

    Args:
        clip: from `plan_clip`.
        path: where to, ending in `.mp4`.
    """
    write_video(
        path,
        render_frames(clip),
        size=(PICTURE_SIZE, PICTURE_SIZE),
        fps=Fraction(clip.fps),
        waveform=clip.waveform,
        sample_rate_hz=clip.sample_rate_hz,
    )
