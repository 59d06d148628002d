"""Scores through a server, and every way in which one can fail."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from splicecore.api import ConfigError, ContractError, OpenRequest, PluginError, ResourceError, Session
from splicecore_http.model import open_model
from splicecore_http.plugin import SPEC
from splicecore_http.protocol import MODEL_PATH, describe, read_shape


def open_http(url, **config):
    return open_model(SPEC, OpenRequest(config={"url": url, **config}))


def random_codes(n=3, positions=50):
    return np.random.default_rng(5).integers(0, 5, size=(n, 26 + positions), dtype=np.uint8)


@pytest.fixture
def faulty(consensus, answer_with):
    """Return a function that serves the description, with changes, and one given answer to everything else."""

    def start(status=200, headers=None, body=b"", **changes):
        told = json.dumps({**describe(consensus), **changes}).encode()

        def make(method, path):
            return (200, {}, told) if path.endswith(MODEL_PATH) else (status, headers or {}, body)

        return answer_with(make)

    return start


def test_scores_and_identity_are_those_of_the_model(consensus, serve):
    with open_http(serve(consensus).url) as model:
        assert model.predict(random_codes()).tobytes() == consensus.predict(random_codes()).tobytes()
        assert model.fingerprint == consensus.fingerprint
        spec = model.spec
    assert (spec.name, spec.left, spec.right, spec.outputs) == ("http", 20, 6, consensus.spec.outputs)
    assert spec.max_positions == consensus.spec.max_positions
    assert "consensus" in spec.summary
    assert "Apache-2.0" in spec.summary


def test_a_session_runs_a_model_behind_a_server(consensus, serve):
    session = Session(models={"http": {"url": serve(consensus).url + "/"}})
    with session.open_base_model("http") as model:
        assert model.predict(random_codes()).tobytes() == consensus.predict(random_codes()).tobytes()


def test_the_url_may_come_from_the_environment(consensus, serve, monkeypatch):
    monkeypatch.setenv("SPLICECORE_HTTP_URL", serve(consensus).url)
    with open_model(SPEC, OpenRequest()) as model:
        assert model.fingerprint == consensus.fingerprint


def test_a_closed_model_scores_nothing(consensus, serve):
    model = open_http(serve(consensus).url)
    model.close()
    with pytest.raises(ValueError, match="closed"):
        model.predict(random_codes())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_server_that_is_away_is_tried_again_and_then_named(waits):
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ResourceError, match=rf"no answer from {url}: .* \(4 attempts\)") as caught:
        open_http(url, retries=3)
    assert "splicecore-http-serve" in caught.value.hint
    assert waits == [0.25, 0.5, 1.0]


def test_waiting_has_an_end(waits):
    with pytest.raises(ResourceError, match="9 attempts"):
        open_http(f"http://127.0.0.1:{free_port()}", retries=8)
    assert max(waits) == waits[-1] == 10.0


def test_a_server_that_comes_back_is_used(consensus, answer_with, waits):
    told, seen = json.dumps(describe(consensus)).encode(), []

    def make(method, path):
        seen.append(path)
        return (503, {}, b"") if len(seen) < 3 else (200, {}, told)

    with open_http(answer_with(make)) as model:
        assert model.fingerprint == consensus.fingerprint
    assert waits == [0.25, 0.5]


def test_no_answer_in_time_is_an_error():
    with socket.socket() as silent:  # accepts, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ResourceError, match="timed out"):
            open_http(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1, retries=0)


@pytest.mark.parametrize("answer", [(404, {}, b"<html>"), (200, {}, b"<html>"), (200, {}, b"{}"), (200, {}, b"[1]")])
def test_another_kind_of_server_is_noticed(answer_with, answer):
    with pytest.raises(PluginError, match="no splicecore-http server"):
        open_http(answer_with(lambda method, path: answer))


def test_another_version_of_the_protocol_is_refused(faulty):
    with pytest.raises(PluginError, match="speaks version 2 of the protocol, this is version 1") as caught:
        open_http(faulty(protocol=2))
    assert "same version" in caught.value.hint


@pytest.mark.parametrize(
    "changes", [{"left": "20"}, {"left": -1}, {"outputs": ["donor"]}, {"fingerprint": None}, {"max_positions": 0}]
)
def test_a_description_that_makes_no_sense_is_refused(faulty, changes):
    with pytest.raises(ContractError, match="makes no sense"):
        open_http(faulty(**changes))


def test_a_model_that_changes_midway_ends_the_run(consensus, altered_consensus, serve):
    server = serve(consensus)
    with open_http(server.url) as model:
        model.predict(random_codes())
        server.model = altered_consensus
        with pytest.raises(PluginError, match="the model has changed") as caught:
            model.predict(random_codes())
    assert "not mixed" in caught.value.hint


def test_scores_under_another_fingerprint_are_refused(faulty, consensus):
    body = consensus.predict(random_codes()).tobytes()
    with (
        open_http(faulty(headers={"X-Shape": "3,50,3", "X-Fingerprint": "0" * 64}, body=body)) as model,
        pytest.raises(PluginError, match="has changed"),
    ):
        model.predict(random_codes())


@pytest.mark.parametrize(
    ("shape", "size"), [("3,50,3", 1799), ("3,49,3", 1764), ("450", 1800), ("3,50,-3", 1800), (None, 1800)]
)
def test_an_answer_of_another_shape_is_refused(faulty, consensus, shape, size):
    headers = {"X-Fingerprint": consensus.fingerprint, **({} if shape is None else {"X-Shape": shape})}
    with (
        open_http(faulty(headers=headers, body=bytes(size))) as model,
        pytest.raises(ContractError, match=r"float32 of shape \(3, 50, 3\) was asked for"),
    ):
        model.predict(random_codes())


def test_what_the_servers_model_says_is_passed_on(consensus, serve):
    class Broken:
        spec, fingerprint = consensus.spec, consensus.fingerprint

        def predict(self, codes):
            raise ResourceError("the disk is gone", hint="plug it in")

    with open_http(serve(Broken()).url) as model, pytest.raises(PluginError, match="the disk is gone") as caught:
        model.predict(random_codes())
    assert caught.value.hint == "plug it in"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"1"),
        ({"X-Shape": "1,30"}, bytes(29)),
        ({"X-Shape": "30"}, bytes(30)),
        ({"X-Shape": "1,20"}, bytes(20)),
        ({"X-Shape": "-1,-30"}, bytes(30)),
        ({"X-Shape": "1,30"}, b"\x05" * 30),
        ({"X-Shape": "1,99999999"}, b""),
    ],
)
def test_the_server_refuses_requests_that_make_no_sense(consensus, serve, headers, body):
    server = serve(consensus)
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
    connection.request("POST", "/v1/predict", body=body, headers={**headers, "X-Fingerprint": consensus.fingerprint})
    response = connection.getresponse()
    told = json.loads(response.read())
    connection.close()
    assert response.status == 400
    assert told["error"]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": "localhost:8000"},
        {"url": "http://host:port"},
        {"url": "ftp://host"},
        {"url": "http://me:secret@host"},
        {"url": 8000},
        {"url": "http://host", "timeout": 0},
        {"url": "http://host", "retries": -1},
        {"url": "http://host", "port": 8000},
    ],
)
def test_settings_that_make_no_sense_are_refused(config, monkeypatch):
    monkeypatch.delenv("SPLICECORE_HTTP_URL", raising=False)
    with pytest.raises(ConfigError) as caught:
        open_model(SPEC, OpenRequest(config=config))
    assert caught.value.hint


@pytest.mark.parametrize("request_", [{"device": "cuda"}, {"engine": "numpy"}, {"weights": "folder"}])
def test_what_is_the_servers_cannot_be_set_here(request_):
    with pytest.raises(ConfigError):
        open_model(SPEC, OpenRequest(config={"url": "http://127.0.0.1:1"}, **request_))


@pytest.mark.parametrize(
    ("text", "shape"), [("3,4", (3, 4)), ("7", (7,)), ("", None), (None, None), ("3,", None), ("-1", None), ("²", None)]
)
def test_shapes_are_read(text, shape):
    assert read_shape(text) == shape


def test_the_command_serves_an_installed_model(consensus):
    script = Path(sysconfig.get_path("scripts")) / "splicecore-http-serve"
    command = [sys.executable, str(script), "--base-model", "consensus", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().partition(" served at ")[2].split()[0]
            with open_http(url) as model:
                assert model.predict(random_codes()).tobytes() == consensus.predict(random_codes()).tobytes()
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == "ended\n"


def test_the_command_names_a_model_that_is_not_there():
    script = Path(sysconfig.get_path("scripts")) / "splicecore-http-serve"
    done = subprocess.run(
        [sys.executable, str(script), "--base-model", "consensu"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 4
    assert done.stderr.startswith("Error: ")
    assert "consensus" in done.stderr
