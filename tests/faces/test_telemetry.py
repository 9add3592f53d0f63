"""ONNX Runtime reports to its maker from version 1.32 on; here it does not."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = "from vatrace.faces.detection import FaceDetector; FaceDetector(); import time; time.sleep(0.5)"


def test_looking_for_faces_makes_no_identifier_of_the_machine(tmp_path: Path) -> None:
    """It keeps one as the file .ses in the folder for temporary files, made before anything is sent."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", SCRIPT], env=environment, check=True, capture_output=True)
    assert list(tmp_path.iterdir()) == []
