"""Help and usage errors: what a person is told of a command's options."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from inspect import signature
from pathlib import Path
from typing import Literal

import pytest

from vatrace.cli import COMMANDS, _recipe, main
from vatrace.options import NOT_ASKED_FOR, UsageError, parse_options, parser_of


def recipe(
    names: Sequence[str],
    *,
    counts: tuple[int, ...] = (),
    kind: Literal["red", "blue"] | None = None,
    share: float = 0.25,
    out: Path = Path("there"),
    is_loud: bool = False,
) -> None:
    """Do nothing.

    Args:
        names: positional.
        counts: several.
        kind: of colour.
        share: 50 % at most.
        out: a folder.
        is_loud: or not.
    """


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_has_a_text(command: str) -> None:
    parser = parser_of(command, _recipe(command))
    assert [action.dest for action in parser._actions if not (action.help or "").strip(" .")] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_default_that_is_something_is_shown(command: str) -> None:
    function = _recipe(command)
    helps = {action.dest: action.help for action in parser_of(command, function)._actions}
    for parameter in signature(function, eval_str=True).parameters.values():
        if parameter.name == NOT_ASKED_FOR or parameter.default in (parameter.empty, None, "", (), False):
            continue
        if not is_dataclass(parameter.default):
            assert "(default: " in str(helps[parameter.name]), parameter.name
            continue
        for field in fields(parameter.default):
            name = f"{parameter.name}.{field.name}"
            assert "(default: " in str(helps[name]) or getattr(parameter.default, field.name) is None, name


def test_defaults_are_written_as_one_would_type_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse_options("thing", recipe, ["--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "50 % at most. (default: 0.25)" in text
    assert "a folder. (default: there)" in text
    assert text.count("(default: ") == 2, "none for what is none, empty or off"
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "which acoustic features to use, in order. (default: mfcc)" in text
    assert "--model.causal {true,false} whether the TCNs look only back. (default: true)" in text
    assert "learning rate at the first step. (default: 3e-05)" in text


@pytest.mark.parametrize(("given", "expected"), [
    ("3", (3,)), ("3,1", (3, 1)), ("[3, 1]", (3, 1)), (" 3 , 1,", (3, 1)), ("[]", ()), ("-1,2", (-1, 2)),
])  # fmt: skip
def test_several_values_are_written_with_commas_with_brackets_or_without(given: str, expected: tuple[int, ...]) -> None:
    assert parse_options("thing", recipe, ["x", f"--counts={given}"])["counts"] == expected


@pytest.mark.parametrize("given", ["mfcc,egemaps", "[mfcc, egemaps]", "['mfcc', \"egemaps\"]"])
def test_names_of_features_are_taken_in_the_same_ways(given: str) -> None:
    asked = ["corpus", "--features", "f", "--encoder", "e", "--out", "o", "--acoustic", given]
    assert parse_options("train", _recipe("train"), asked)["acoustic"] == ("mfcc", "egemaps")


def test_what_is_not_given_has_its_default() -> None:
    options = parse_options("thing", recipe, ["x"])
    assert options["counts"] == ()
    assert options["kind"] is None
    assert options["share"] == 0.25
    assert options["out"] == Path("there")
    assert options["is_loud"] is False


@pytest.mark.parametrize(("arguments", "said"), [
    (["x", "--counts", "1,b"], "--counts: expected whole numbers with commas between them, got 1,b."),
    (["x", "--kind", "green"], "--kind: expected one of red, blue, got green."),
    (["x", "--share", "half"], "--share: expected a number, got half."),
    (["x", "--shar", "0.5"], "there is no option --shar 0.5. Did you mean --share?"),
    (["x", "--is-lound"], "there is no option --is-lound. Did you mean --is-loud?"),
    (["x", "--counts", "1", "2", "3"], "nothing takes 2 3: lists are written a,b, and a name with spaces in quotes."),
    (["x", "--counts", "1", "2", "--no"], "there is no option --no. Did you mean --out?"),
    (["x", "--out"], "--out: expected one argument."),
    ([], "names must be given."),
])  # fmt: skip
def test_a_wrong_option_is_told_in_one_sentence(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_options("thing", recipe, arguments)
    assert str(told.value) == said


def test_a_usage_error_is_a_line_and_not_a_page() -> None:
    command = [sys.executable, "-m", "vatrace", "train", "corpus", "--model.dim", "wide"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("vatrace train: --model.dim: expected a whole number, got wide. `vatrace train --help`")
