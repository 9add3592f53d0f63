"""However a run ends, its clips are gone and nobody works on."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.web.serving import serving
from vatrace.cli import main
from vatrace.web.addresses import own_addresses, shown_hosts
from vatrace.web.landlock import landlock_version
from vatrace.web.run import FOLDER_PREFIX


def wait_until_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_when_it_is_told_to_end_the_clips_are_deleted_and_the_workers_gone(
    how: str, tmp_path: Path, tiny_model: Path, clip: Path
) -> None:
    with serving(tmp_path, tiny_model) as server:
        server.wait_for(server.send(clip).json["id"])
        server.send(clip)  # this one is worked on, or waits
        (run_folder,) = server.files.iterdir()
        assert stat.S_IMODE(run_folder.stat().st_mode) == 0o700
        assert len(list(run_folder.glob("*/clip"))) == 2
        children = psutil.Process(server.process.pid).children(recursive=True)
        assert children
        server.process.send_signal(getattr(signal, how))
        assert server.process.wait(timeout=20) == 0
        assert list(server.files.iterdir()) == []
        wait_until_gone(children)
        assert "Traceback" not in server.log.read_text()


def test_when_it_is_killed_the_workers_go_and_the_next_run_deletes_the_clips(
    tmp_path: Path, tiny_model: Path, clip: Path
) -> None:
    with serving(tmp_path, tiny_model) as server:
        server.send(clip)
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.process.kill()
        server.process.wait(timeout=20)
        wait_until_gone(children)
        (left,) = server.files.iterdir()
        assert len(list(left.glob("*/clip"))) == 1
    environment = {**os.environ, "TMPDIR": str(tmp_path / "files")}
    script = "from vatrace.web.run import _run_folder\nwith _run_folder() as folder: print(folder.name)"
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith(FOLDER_PREFIX)
    assert list((tmp_path / "files").iterdir()) == []


def test_the_folder_of_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    script = "from vatrace.web.run import _run_folder\nwith _run_folder() as folder: print(folder, flush=True); input()"
    one = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert one.stdout is not None
    first = Path(one.stdout.readline().strip())
    subprocess.run(
        [sys.executable, "-c", script], env=environment, input="\n", capture_output=True, text=True, check=True
    )
    assert list(tmp_path.iterdir()) == [first]
    one.communicate("\n")
    assert list(tmp_path.iterdir()) == []


def test_while_the_model_is_loaded_it_can_be_ended_too(tmp_path: Path, tiny_model: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "vatrace", "serve", "--model", str(tiny_model)]
    run = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stderr is not None
    assert run.stderr.readline().startswith("loading the model")
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=20)
    assert run.returncode == 0, err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_one_address_on_this_machine(tmp_path: Path, tiny_model: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "vatrace", "serve", "--model", str(tiny_model)]
    run = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stderr is not None
    lines = []
    while not lines or not lines[-1].startswith("open "):
        lines.append(run.stderr.readline())
        assert lines[-1], lines
    found = re.fullmatch(r"open http://127\.0\.0\.1:(\d+)/\?token=\S+\n", lines[-1])
    assert found is not None, lines
    # Of all processes: whose it is, the system does not tell of one that hides itself.
    here = [each.laddr.ip for each in psutil.net_connections() if each.laddr and each.laddr.port == int(found[1])]
    assert set(here) == {"127.0.0.1"}
    assert not any("from another machine" in line for line in lines)
    if landlock_version():
        assert not any("does not keep the process" in line for line in lines), "it is confined in every way"
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert out == "The server has ended and its clips are deleted.\n"
    assert "http://" not in err


def test_other_machines_are_let_in_only_where_that_is_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert "add --expose if that is meant" in capsys.readouterr().err


def test_a_name_or_port_that_cannot_be_listened_on_is_said_as_what_it_is(
    tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--model", str(tiny_model), "--host", "no-such.invalid", "--expose"]) == 3
    said = capsys.readouterr().err
    assert "--host no-such.invalid is not an address or a name that this machine knows" in said
    assert "--port" not in said
    assert main(["serve", "--model", str(tiny_model), "--host", "192.0.2.1", "--expose"]) == 3
    assert "choose another --host" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--model", str(tiny_model), "--port", str(taken.getsockname()[1])]) == 3
    assert "choose another --port" in capsys.readouterr().err


def test_an_exposed_server_says_how_other_machines_find_it(tiny_model: Path) -> None:
    command = [sys.executable, "-m", "vatrace", "serve", "--model", str(tiny_model), "--host", "0.0.0.0", "--expose"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stderr is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Ctrl-C"):
        lines.append(run.stderr.readline())
        assert lines[-1], lines
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=20)
    said = {line.partition("://")[2].partition(":")[0] for line in lines if line.startswith("from another machine: ")}
    assert any(line.startswith("open http://127.0.0.1:") for line in lines)
    up = {name for name, facts in psutil.net_if_stats().items() if facts.isup}
    known = {each.address for name, given in psutil.net_if_addrs().items() if name in up for each in given}
    assert said <= known - {"127.0.0.1", "0.0.0.0"}
    assert said == set(own_addresses([socket.AF_INET]))


def test_addresses_are_printed_as_browsers_take_them() -> None:
    assert shown_hosts("127.0.0.1") == ["127.0.0.1"]
    assert shown_hosts("192.168.1.7") == ["192.168.1.7"]
    assert shown_hosts("fe80::1") == ["[fe80::1]"]
    assert shown_hosts("::")[0] == "[::1]"
    assert not any(each.startswith(("127.", "169.254.")) for each in shown_hosts("0.0.0.0")[1:])


def test_a_model_that_is_not_there_is_said_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["serve", "--model", str(tmp_path / "none")]) == 3
    assert f"there is no model folder at {tmp_path / 'none'}" in capsys.readouterr().err
    assert main(["serve", "--model", str(tmp_path)]) == 1
    assert "is no model folder: it needs config.yaml" in capsys.readouterr().err
