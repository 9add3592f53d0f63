"""What `serve` and `live` are asked for is looked at before anything listens."""

from pathlib import Path

import pytest
import yaml

from vatrace.cli import main
from vatrace.config import ModelConfig, to_dict


@pytest.fixture(autouse=True)
def nothing_may_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the server was begun")

    monkeypatch.setattr("vatrace.web.run.run", refuse)


@pytest.mark.parametrize(("option", "value"), [
    ("--max-mb", "0"), ("--max-minutes", "-1"), ("--max-clips", "0"),
    ("--keep-minutes", "-1"), ("--port", "99999"), ("--port", "-1"),
])  # fmt: skip
def test_a_limit_that_cannot_be_is_a_usage_error_that_names_the_option(
    capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert main(["serve", f"{option}={value}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"vatrace serve: {option} must be")
    assert value in line


def test_live_refuses_an_impossible_port_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "--port", "65536"]) == 2
    assert "--port must be from 0, which takes a free one, to 65535, got 65536" in capsys.readouterr().err


def model_folder(folder: Path, **sizes: object) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump({"model": to_dict(ModelConfig()) | sizes}))
    return folder


def test_live_refuses_a_model_that_looks_ahead_before_anybody_is_asked_for_a_camera(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["live", "--model", str(model_folder(tmp_path / "m", causal=True, causal_attention=False))]) == 1
    assert "the model has causal_attention off" in capsys.readouterr().err


@pytest.mark.parametrize("sizes", [{"causal_attention": True}, {"fusion": "late", "causal": False}])
def test_live_takes_a_model_that_looks_only_back(sizes: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the server was begun"):
        main(["live", "--model", str(model_folder(tmp_path / "m", **sizes))])
