"""Options of a command, from the signature and the docstring of the function that does it.

A parameter is an option, its default is shown, its line under `Args` is its help; a frozen dataclass gives an option a
field. Whoever gives one that cannot be is told which, and what was expected, in one sentence.
"""

from __future__ import annotations

import inspect
import re
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

NOT_ASKED_FOR = "watch"  # a parameter of every command that is no option
_KINDS = {"<class 'int'>": "a whole number", "<class 'float'>": "a number", "<class 'bool'>": "true or false"}


class UsageError(Exception):
    """Options that a command does not take; the message says which and why."""


def parse_options(
    command: str,
    function: Callable[..., Any],  # Any: commands differ
    arguments: Sequence[str],
) -> dict[str, Any]:
    """What the arguments of a command say, by the names of its function's parameters; prints help and exits for --help.

    Raises:
        UsageError: they are not what the command takes.
        ValueError: a value that a configuration does not take.
    """
    from jsonargparse import ArgumentError

    parser = parser_of(command, function)
    try:
        return dict(vars(parser.instantiate(parser.parse_args(list(arguments)))))
    except ArgumentError as error:
        raise UsageError(_explained(str(error), parser)) from error


def parser_of(command: str, function: Callable[..., Any]) -> ArgumentParser:  # Any: as above
    """The parser of a command.

    The signature is read here and not by jsonargparse, which would import everything that is only needed for type
    checks.
    """
    from docstring_parser import parse
    from jsonargparse import ArgumentParser

    text = inspect.getdoc(function) or ""
    helps = {each.arg_name: each.description or "" for each in parse(text).params}
    parser = ArgumentParser(
        prog=f"vatrace {command}",
        description=text.split("\n\nArgs:")[0],
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
        exit_on_error=False,
    )
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.name != NOT_ASKED_FOR:
            _add_option(parser, parameter, helps[parameter.name].replace("\n", " ").replace("%", "%%"))
    return parser


def _add_option(parser: ArgumentParser, parameter: inspect.Parameter, text: str) -> None:
    name, kind, default = parameter.name, parameter.annotation, parameter.default
    if is_dataclass(kind):
        assert isinstance(kind, type), "an annotation is a class, never an instance"
        _add_fields(parser, name, kind, default, text)
    elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD and kind == Sequence[str]:
        parser.add_argument(name, nargs="+", help=text)
    elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
        parser.add_argument(name, type=kind, help=text)
    else:
        flags = [f"--{name.replace('_', '-')}", *(["-o"] if name == "out" else [])]
        kinds = [each for each in get_args(kind) if each is not NoneType]
        if get_origin(kind) in (Union, UnionType) and len(kinds) == 1:
            (kind,) = kinds  # not given is none; a person who gives one is told what it may be
        shape: dict[str, Any] = {"type": kind}  # Any: whatever argparse takes
        if get_origin(kind) is tuple:
            shape = {"type": _several(get_args(kind)[0]), "metavar": "A,B,..."}
        if default is parameter.empty:
            parser.add_argument(*flags, required=True, help=text, **shape)
        elif isinstance(default, bool):
            parser.add_argument(*flags, action="store_true", help=text)
        else:
            parser.add_argument(*flags, default=default, help=text + _told(default), **shape)


def _add_fields(parser: ArgumentParser, name: str, kind: type, default: object, text: str) -> None:
    """An option for each field of a configuration, with the default that the command has."""
    parser.add_class_arguments(kind, name, default=default, help=text)
    actions = {action.dest: action for action in parser._actions}
    for field in fields(kind):
        action = actions[f"{name}.{field.name}"]
        action.help = (action.help or "").replace("%", "%%") + _told(getattr(default, field.name))
        if not str(action.metavar or "").startswith("{"):  # there the choices are named
            action.metavar = field.name.upper()


def _several(item: type) -> Callable[[object], object]:
    """Turns `a,b` into a tuple; `[a, b]` is the same."""

    def parsed(given: object) -> object:
        if not isinstance(given, str):
            return given  # a default
        words = [word.strip().strip("'\"") for word in given.strip().removeprefix("[").removesuffix("]").split(",")]
        try:
            return tuple(item(word) for word in words if word)
        except ValueError as error:
            raise ArgumentTypeError(f"expected whole numbers with commas between them, got {given}") from error

    return parsed


def _told(default: object) -> str:
    """A default as somebody would write it; nothing where the text says what is done without the option."""
    if default is None or default in ((), ""):
        return ""
    if isinstance(default, bool):
        return f" (default: {str(default).lower()})"
    if isinstance(default, tuple):
        return f" (default: {','.join(map(str, default))})"
    return f" (default: {default:g})" if isinstance(default, float) else f" (default: {default})"


def _explained(message: str, parser: ArgumentParser) -> str:
    """What the parser says of an option, as the person wrote it, in one line."""
    options = {action.dest: action.option_strings[0] for action in parser._actions if action.option_strings}
    line = " ".join(message.split())
    line = re.sub(r"^argument (-\S+):", lambda found: f"{found[1].split('/')[0]}:", line)
    line = re.sub(r'^Parser key "([^"]+)":', lambda found: f"{options.get(found[1], found[1])}:", line)
    line = re.sub(r"Expected an? (<class '\w+'>)\. Got value: ", lambda found: _expected(found[1]), line)
    line = re.sub(r"Expected a typing\.Literal\[([^]]+)\]\. Got value: ", lambda found: _expected(found[1]), line)
    required = re.match(r"the following arguments are required: (.+)", line)
    if required:  # it names parameters
        names = ", ".join(options.get(name, name) for name in required[1].split(", "))
        return f"{names} must be given."
    unknown = re.match(r"unrecognized arguments: (.+)", line, re.IGNORECASE)
    return _surplus(unknown[1].split(), options.values()) if unknown else f"{line.rstrip('.')}."


def _surplus(words: list[str], options: Iterable[str]) -> str:
    option = next((index for index, word in enumerate(words) if word.startswith("-")), None)
    if option is None:
        return f"nothing takes {' '.join(words)}: lists are written a,b, and a name with spaces in quotes."
    return f"there is no option {' '.join(words[option:])}.{_did_you_mean(words[option], options)}"


def _expected(kind: str) -> str:
    return f"expected {_KINDS.get(kind) or 'one of ' + kind.replace(chr(39), '')}, got "


def _did_you_mean(word: str, options: Iterable[str]) -> str:
    near = get_close_matches(word.split("=")[0], list(options), n=1)
    return f" Did you mean {near[0]}?" if near else ""
