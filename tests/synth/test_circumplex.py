import numpy as np
import pytest

from vatrace.streams import Trace
from vatrace.synth.circumplex import EXPRESSIONS, name_expressions


@pytest.mark.parametrize(
    ("valence", "arousal", "name"),
    [
        (0.0, 0.0, "Neutral"),
        (0.1, -0.1, "Neutral"),
        (-0.45, 0.65, "Anger"),
        (-0.7, 0.25, "Disgust"),
        (-0.75, 0.6, "Fear"),
        (0.9, 0.4, "Happiness"),
        (-0.7, -0.4, "Sadness"),
        (0.3, 0.75, "Surprise"),
        (0.1, -0.9, "Other"),  # 0.91 from Neutral and 0.96 from Sadness
        (1.0, -0.2, "Other"),  # 0.74 from Happiness
    ],
)
def test_an_expression_is_the_nearest_one_or_other(valence: float, arousal: float, name: str) -> None:
    trace = Trace(
        times_seconds=np.array([0.0]), valence=np.array([valence]), arousal=np.array([arousal]), valid=np.array([True])
    )
    assert EXPRESSIONS[name_expressions(trace)[0]] == name
