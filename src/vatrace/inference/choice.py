"""Which model makes traces, before anything is loaded: the same for command line, page, live and Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vatrace.config import ModelConfig, from_dict
from vatrace.errors import ModelError
from vatrace.inference import starter_folder

if TYPE_CHECKING:
    from vatrace.inference.video import VideoPredictor

FETCHED = "emotieff"  # the one face model that has a name: `vatrace.features.weights.EMOTIEFF`
_ONE_FRAME = ("framewise", "late")  # fusions that look at a frame on its own


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model that somebody chose.

    Args:
        model: model folder; None is the starter model that vatrace brings.
        vggish_weights: the file vggish-10086976.pth, for a model that takes VGGish features; None is the one that
            `vatrace weights vggish` fetched.
        face_model: reads the face in place of the starter's own network: `emotieff`, or the path of an ONNX file.

    Raises:
        ValueError: another face network for another model than the starter, or VGGish's weights for the starter, which
            takes none.
    """

    model: Path | None = None
    vggish_weights: Path | None = None
    face_model: str | None = None

    def __post_init__(self) -> None:
        if self.face_model is not None and self.model is not None:
            raise ValueError(f"--face-model {self.face_model} goes with the starter; leave out --model {self.model}.")
        if self.vggish_weights is not None and self.model is None:
            raise ValueError(
                f"--vggish-weights {self.vggish_weights} goes with a --model; the starter takes no VGGish."
            )

    @property
    def folder(self) -> Path:
        """The model folder."""
        return self.model or starter_folder()

    def files(self) -> list[Path]:
        """Files and folders that `load` reads; with those elsewhere that are linked to from there."""
        from vatrace.faces.weights import cache_folder

        face = None if self.face_model in (None, FETCHED) else Path(str(self.face_model))
        folders = [self.folder, cache_folder()]
        linked = [path.resolve() for folder in folders for path in folder.rglob("*") if path.is_symlink()]
        return [*folders, *(path for path in (self.vggish_weights, face) if path is not None), *linked]

    def load(self) -> VideoPredictor:
        """Load it all.

        Raises:
            NothingFound: something of it is not there.
            ModelError: something of it is damaged.
        """
        from vatrace.inference.video import VideoPredictor

        predictor = VideoPredictor.from_folder(self.folder, vggish_weights=self.vggish_weights)
        if self.face_model is None:
            return predictor
        from vatrace.features.face_model import load_face_model
        from vatrace.inference.face_model import with_face_model

        return with_face_model(predictor, load_face_model(self.face_model))

    def refuse_unless_live(self) -> None:
        """Find out from the description alone, which is quick, that a model cannot be used live.

        Raises:
            ModelError: it looks ahead. What else is wrong with it is said when it is loaded.
        """
        import yaml

        try:
            described = yaml.safe_load((self.folder / "config.yaml").read_text("utf-8"))["model"]
            model = from_dict(ModelConfig, described)
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
            return
        refuse_unless_causal(model)

    def to_json(self) -> dict[str, str | None]:
        """All that another process needs, whatever folder it runs in."""
        face = self.face_model
        return {
            "model": _absolute(self.model),
            "vggish_weights": _absolute(self.vggish_weights),
            "face_model": face if face in (None, FETCHED) else _absolute(Path(str(face))),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, str | None]) -> ModelChoice:
        """What `to_json` gave."""
        model, vggish_weights = (Path(path) if path else None for path in (told["model"], told["vggish_weights"]))
        return cls(model=model, vggish_weights=vggish_weights, face_model=told["face_model"])


def refuse_unless_causal(model: ModelConfig) -> None:
    """Raise unless a model looks only back.

    Raises:
        ModelError: it looks ahead.
    """
    if model.fusion in _ONE_FRAME:
        return
    ahead = [name for name in ("causal", "causal_attention") if not getattr(model, name)]
    if ahead:
        raise ModelError(
            f"the model has {' and '.join(f'{name} off' for name in ahead)}: it looks at what comes after a moment, "
            "which is not there live. Take the starter model, or train one with causal and causal_attention on."
        )


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())
