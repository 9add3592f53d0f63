"""Find faces, follow the main person, and align the face to 224x224 pixels."""

import os

# From 1.32 on, ONNX Runtime sends events and an identifier of the machine to its maker unless it is told not to before
# it is imported. What vatrace works on stays on the machine, and so does the fact that it works.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
