"""vatrace from Python: a path in, traces out.

    >>> import vatrace
    >>> trace = vatrace.predict("clip.mp4")
    >>> trace.times_seconds[:3]
    array([0.  , 0.04, 0.08])
    >>> len(trace) == len(trace.valence) == len(trace.arousal) == len(trace.valid)
    True

The values are those of `vatrace predict`: the same function makes them. Everything runs on this machine; only
`from_pretrained` with the name of a hub repository, and `push_to_hub`, use the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vatrace.errors import ModelError, NothingFound
from vatrace.inference.choice import ModelChoice
from vatrace.streams import BoolArray, FloatArray, TimeArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from vatrace.inference.video import PersonResult, VideoPredictor, VideoResult

_Values = TypeVar("_Values", bound="NDArray[Any]")

MODEL_FILES = (
    *("config.yaml", "*.safetensors", "encoder/*.json", "encoder/*.safetensors"),
    *("*.md", "NOTICE*", "LICEN[CS]E*"),
)


@dataclass(frozen=True, eq=False)
class Trace:
    """Valence and arousal of one person of a clip, a row a video frame. Its arrays can be read and not be changed.

    Example:
        >>> predict("clip.mp4").remark.split(":")[0]
        'Starter model'

    Args:
        clip: the file's name.
        result: everybody in the clip.
        number: which of them.
        remark: what has to be known of the model, in a sentence; of the starter, that it is one.
    """

    clip: str
    result: VideoResult
    number: int = 0
    remark: str = ""

    @property
    def person(self) -> int:
        """Number of the person in the clip; the main one is 0."""
        return self._person.person

    @property
    def people(self) -> tuple[Trace, ...]:
        """The traces of everybody in the clip, the main person first."""
        return tuple(replace(self, number=number) for number in range(len(self.result.people)))

    @property
    def times_seconds(self) -> TimeArray:
        """`[frames]`, the container's own timestamps in seconds.

        Example:
            >>> predict("clip.mp4").times_seconds[:3].tolist()
            [0.0, 0.04, 0.08]
        """
        return _fixed(self._person.trace.times_seconds)

    @property
    def valence(self) -> FloatArray:
        """`[frames]`, unpleasant -1 to pleasant 1; NaN where there is no value.

        Example:
            >>> bool(np.abs(predict("clip.mp4").valence).max() <= 1)
            True
        """
        return _fixed(np.where(self.valid, self._person.trace.valence, np.nan))

    @property
    def arousal(self) -> FloatArray:
        """`[frames]`, calm -1 to excited 1; NaN where there is no value.

        Example:
            >>> trace = predict("clip.mp4")
            >>> peak = trace.times_seconds[np.nanargmax(trace.arousal)]  # in seconds
        """
        return _fixed(np.where(self.valid, self._person.trace.arousal, np.nan))

    @property
    def valid(self) -> BoolArray:
        """`[frames]`, False where there is neither a face nor a voice to rest a value on.

        Example:
            >>> predict("clip.mp4").valid.all().item()
            True
        """
        return _fixed(self._person.trace.valid)

    @property
    def face(self) -> NDArray[np.float32]:
        """`[frames]`, the face detector's score from 0 to 1; 0 where no face was seen."""
        return _fixed(self._person.face_score)

    @property
    def face_boxes(self) -> NDArray[np.float32] | None:
        """`[frames, 4]`, the face's left, top, right and bottom as shares of the picture, 0 to 1; NaN without one."""
        boxes = self._person.face_boxes
        return None if boxes is None else _fixed(boxes)

    @property
    def voice(self) -> BoolArray | None:
        """`[frames]`, where a voice is heard in the clip, whoever's; None for a model that does not listen."""
        voice = self._person.trace.voice_valid
        return None if voice is None else _fixed(voice)

    @property
    def gates(self) -> NDArray[np.float64] | None:
        """`[frames, 2]`: the weights of face and voice, 0 to 1; NaN where there is no value; None without a gate.

        In the starter they are the shares of the two in the value; in BDCA each says how far its channel rests on
        itself and not on what it reads from the other (Eq. 4 of the paper).

        Example:
            >>> predict("clip.mp4").gates[0].round(2).tolist()  # it rests on the face alone
            [1.0, 0.0]
        """
        from vatrace.report.basis import telling_gates

        return telling_gates(self._person.trace)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know, such as that the file has no sound."""
        return self._person.features.warnings

    def __len__(self) -> int:
        """Frames."""
        return len(self.times_seconds)

    def __repr__(self) -> str:
        """Clip, person, frames and means, and what made them."""
        model = f", {self.remark.split(':')[0]}" if self.remark else ""
        if not self.valid.any():
            return f"Trace({self.clip!r}, person {self.person}, {len(self)} frames, no value{model})"
        means = (
            f"mean {name} {np.nanmean(values):+z.2f}" if np.isfinite(values).any() else f"no {name}"
            for name, values in (("valence", self.valence), ("arousal", self.arousal))
        )
        share = f"{self.valid.mean():.0%} with a value"
        return f"Trace({self.clip!r}, person {self.person}, {len(self)} frames, {share}, {', '.join(means)}{model})"

    def to_csv(self) -> str:
        """The table that `vatrace predict` writes, of everybody in the clip, byte for byte.

        Example:
            >>> predict("clip.mp4").to_csv().splitlines()[0]
            'frame,time,person,valence,arousal,face,voice,face_score,gate_face,gate_voice,face_left,face_top,face_right,face_bottom'
        """
        from vatrace.report.export import clip_csv_text

        return clip_csv_text(self.result.people)

    def to_pandas(self) -> pd.DataFrame:
        """The rows of this person with the columns of `vatrace predict`; missing is NaN.

        Example:
            >>> table = predict("clip.mp4").to_pandas()
            >>> table[["frame", "time", "person"]].head(2).values.tolist()
            [[1.0, 0.0, 0.0], [2.0, 0.04, 0.0]]

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        from io import StringIO

        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            from vatrace.extras import install_line

            raise ModuleNotFoundError(f"to_pandas needs pandas: {install_line(['pandas'])}") from error
        from vatrace.report.export import clip_csv_text

        return pd.read_csv(StringIO(clip_csv_text([self._person])))

    def plot(self, title: str = "") -> Figure:
        """Valence, arousal and gates over time, as a matplotlib figure; grey where there is no value.

        Args:
            title: above it; the clip's name if empty, with the person's where there are several.

        Example:
            >>> figure = predict("clip.mp4").plot()
            >>> figure.savefig("clip.png")
        """
        from vatrace.report.basis import NOTE
        from vatrace.report.figures import trace_figure
        from vatrace.report.tiers import participant

        name = self.clip if len(self.result.people) == 1 else f"{self.clip}, {participant(self.person)}"
        return trace_figure(self._person.trace, title=title or name, note=f"{NOTE} {self.remark}".strip())

    @property
    def _person(self) -> PersonResult:
        return self.result.people[self.number]


def _fixed(values: _Values) -> _Values:
    view = values.view()
    view.flags.writeable = False
    return view


class Predictor:
    """A model, loaded once, for many clips.

    Args:
        folder: model folder; the starter that comes with vatrace if None.
        face_model: reads the face in place of the starter's own network: `emotieff`, which `vatrace weights emotieff`
            fetched, or an ONNX file of that form.

    Example:
        >>> predictor = Predictor()
        >>> [len(predictor(clip)) for clip in ["clip.mp4", "clip.mp4"]]
        [25, 25]

    Raises:
        NothingFound: there is no model.
        ModelError: it is damaged.
        ValueError: another face network for another model than the starter.
    """

    def __init__(self, folder: str | Path | None = None, *, face_model: str | Path | None = None) -> None:
        choice = ModelChoice(
            model=None if folder is None else Path(folder), face_model=None if face_model is None else str(face_model)
        )
        self.folder = choice.folder
        self._video: VideoPredictor = choice.load()

    @classmethod
    def from_pretrained(cls, name: str | Path | None = None, *, revision: str | None = None) -> Predictor:
        """Load a model by folder or by the name of a repository on the Hugging Face hub.

        Args:
            name: a model folder, or `owner/repository`, which is fetched (safetensors, YAML and JSON only; nothing is
                unpickled and no code of theirs is run); the starter if None.
            revision: branch, tag or commit on the hub; name a commit for a result that can be repeated.

        Example:
            >>> Predictor.from_pretrained().features  # the starter
            ('prosody', 'visual')

        Raises:
            NothingFound: there is no such folder or repository.
        """
        if name is None or Path(name).is_dir():
            return cls(name)
        return cls(_from_hub(str(name), revision))

    @property
    def remark(self) -> str:
        """What has to be known of the model, in a sentence."""
        return str(self._video.predictor.model.provenance.get("remark", ""))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of what the model takes: "visual" and its acoustic streams."""
        return tuple(sorted(self._video.predictor.model.features.identities))

    def predict(self, path: str | Path, *, people: int | None = None) -> Trace:
        """The trace of the main person of a clip; `.people` has everybody.

        Args:
            path: a video or sound file.
            people: how many at most, the main one first; 8 if None.

        Raises:
            NothingFound: no such file.
            MediaError: it cannot be read safely.
            ValueError: people is less than 1.
        """
        from vatrace.faces.people import MAX_PEOPLE

        if people is not None and people < 1:
            raise ValueError(f"people must be 1 or more, got {people}")
        result = self._video.predict(Path(path), people=MAX_PEOPLE if people is None else people)
        return Trace(Path(path).name, result, remark=self.remark)

    __call__ = predict

    def push_to_hub(self, name: str, *, private: bool = True, message: str = "A vatrace model") -> str:
        """Upload the model folder to the Hugging Face hub: the model, its encoder and its texts, and nothing else.

        Args:
            name: `owner/repository`; made if it is not there.
            private: whether only the owner sees it, if it is made.
            message: of the commit.

        Returns:
            The address of the commit.

        Raises:
            ModelError: the hub refused; `hf auth login` sets a token.

        Example:
            >>> Predictor().push_to_hub("me/my-model")
            'https://huggingface.co/me/my-model/commit/1'
        """
        from huggingface_hub import HfApi

        api = HfApi()
        try:
            api.create_repo(name, private=private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=name, folder_path=self.folder, allow_patterns=list(MODEL_FILES), commit_message=message
            )
        except Exception as error:  # the hub's client raises whatever its transport does
            raise ModelError(
                f"{name} could not be written to the hub ({type(error).__name__}: {error}); "
                "`hf auth login` sets a token."
            ) from error
        return str(commit)


def predict(
    path: str | Path,
    *,
    model: str | Path | None = None,
    people: int | None = None,
    face_model: str | Path | None = None,
) -> Trace:
    """The trace of a clip: valence and arousal, frame by frame.

    Example:
        >>> predict("clip.mp4").people[0].person
        0

    Args:
        path: a video or sound file.
        model: model folder or hub repository; the starter that comes with vatrace if None.
        people: how many at most, the main one first; 8 if None.
        face_model: see `Predictor`.

    Raises:
        NothingFound: no such file or model.
        MediaError: the file cannot be read safely.
    """
    predictor = Predictor(model, face_model=face_model) if face_model else Predictor.from_pretrained(model)
    return predictor.predict(path, people=people)


def _from_hub(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(MODEL_FILES)))
    except HFValidationError as error:
        raise NothingFound(f"there is no model folder {name}, and that is no name on the hub either.") from error
    except Exception as error:  # the hub's client raises whatever its transport does
        raise NothingFound(
            f"there is no model folder {name}, and it could not be fetched from the hub ({type(error).__name__})."
        ) from error
