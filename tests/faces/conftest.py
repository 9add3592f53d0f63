from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from vatrace.faces.detection import FaceDetector


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(num_threads=1)


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    return np.asarray(skimage.data.astronaut(), np.uint8)
