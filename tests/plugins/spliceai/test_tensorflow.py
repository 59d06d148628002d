"""The engine ``tensorflow`` against torch, and as a guest in a process.

Needs TensorFlow, which lives in an environment of its own: ``make test-tensorflow``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from splicecore.api import ConfigError, MissingDependencyError, OpenRequest, reverse_complement
from splicecore.testing.conformance import BaseModelConformance
from splicecore_spliceai.model import open_model
from splicecore_spliceai.plugin import SPEC
from splicecore_splicenet.architecture import Architecture, Block, spliceai_architecture
from splicecore_splicenet.keras_h5 import load_keras_h5

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is not installed: make test-tensorflow", allow_module_level=True)

TOLERANCE = 1e-5
REAL_GENES = ("KLHL17", "PERM1")
"""Two genes of GRCh37 chromosome 1, of 5 kb each and on opposite strands."""


def request_for(folder: Path, **changes: Any) -> OpenRequest:
    return OpenRequest(**{"weights": str(folder), "engine": "tensorflow", **changes})


def run_python(program: str, *arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Run a program in a new interpreter, its environment without the variables that are set to None."""
    variables = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


# ------------------------------------------------------------------------------------------------------------ parity


def torch_and_tensorflow(folder: Path, codes: np.ndarray, members: list[int]) -> tuple[np.ndarray, np.ndarray]:
    scores = []
    for engine in ("torch", "tensorflow"):
        with open_model(SPEC, request_for(folder, engine=engine, threads=2, config={"members": members})) as model:
            scores.append(model.predict(codes))
    return scores[0], scores[1]


def test_published_networks_score_as_with_torch(published_weights: Path, codes: np.ndarray) -> None:
    rows = np.stack([codes, reverse_complement(codes)])

    for members in ([1], [2], [3], [4], [5], [1, 2, 3, 4, 5]):
        by_torch, by_tensorflow = torch_and_tensorflow(published_weights, rows, members)

        assert (by_torch[..., 1:].max(axis=(1, 2)) > 0.5).all()
        np.testing.assert_allclose(by_tensorflow, by_torch, rtol=0, atol=TOLERANCE)


def test_unknown_bases_and_several_rows_score_as_with_torch(random_weights: Path, codes: np.ndarray) -> None:
    rows = np.stack([codes[:10_300], reverse_complement(codes)[:10_300]])
    rows[:, 5_050:5_075] = 4
    rows[1, :5_000] = 4

    by_torch, by_tensorflow = torch_and_tensorflow(random_weights, rows, [1, 2])

    np.testing.assert_allclose(by_tensorflow, by_torch, rtol=0, atol=TOLERANCE)
    assert np.ptp(by_torch) > 0.1


def test_the_spread_of_the_members_is_as_with_torch(keras_network: Any, tmp_path: Path) -> None:
    from splicecore_spliceai.tensorflow_engine import TensorflowEnsemble
    from splicecore_splicenet.engine import SplicenetEnsemble

    files = [keras_network(1, seed=seed).save(tmp_path / f"{seed}.h5") for seed in range(3)]
    members = [load_keras_h5(file, spliceai_architecture(80)) for file in files]
    rows = np.random.default_rng(5).integers(0, 5, (2, 80 + 60)).astype(np.uint8)
    by_torch = SplicenetEnsemble(members, member_spread=True).predict(rows)

    plain, ensemble = TensorflowEnsemble(members), TensorflowEnsemble(members, threads=2, member_spread=True)
    scores = ensemble.predict(rows)

    np.testing.assert_allclose(scores, by_torch, rtol=0, atol=TOLERANCE)
    assert scores[..., :3].tobytes() == plain.predict(rows).tobytes()
    assert ensemble.predict(rows[:0]).shape == (0, 60, 5)
    for opened in (plain, ensemble):
        opened.close()


@pytest.mark.parametrize(
    "architecture",
    [
        spliceai_architecture(80),
        spliceai_architecture(400, activation="leaky_relu", epsilon=1e-5),
        spliceai_architecture(2000),
    ],
    ids=["80", "400-leaky", "2000"],
)
def test_other_members_of_the_family(keras_network: Any, tmp_path: Path, architecture: Architecture) -> None:
    from splicecore_spliceai.tensorflow_engine import TensorflowEnsemble

    random = keras_network(len(architecture.blocks) // 4, seed=3)
    weights = load_keras_h5(random.save(tmp_path / "network.h5", config=None), architecture)
    row = np.random.default_rng(5).integers(0, 5, 2 * architecture.radius + 60).astype(np.uint8)

    ensemble = TensorflowEnsemble([weights])
    scores = ensemble.predict(row[np.newaxis])[0]
    ensemble.close()

    slope = architecture.negative_slope if architecture.activation == "leaky_relu" else 0.0
    expected = random.reference(row, slope=slope, epsilon=architecture.epsilon)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=TOLERANCE)


def test_layers_have_the_names_and_shapes_of_the_file(keras_network: Any, tmp_path: Path) -> None:
    import keras
    from splicecore_spliceai.keras_network import build_network, weights_by_variable

    architecture = spliceai_architecture()
    random = keras_network(4)
    model = build_network(keras, architecture)

    stored = {layer: sorted(arrays) for layer, arrays in random.layers.items()}
    assert {layer.name: sorted(v.name for v in layer.variables) for layer in model.layers if layer.variables} == stored
    narrower = Architecture(blocks=[Block(3, 1)] * 4)
    weights = load_keras_h5(random.save(tmp_path / "network.h5"), architecture)
    with pytest.raises(ValueError, match="kernel of layer conv1d_3 is"):
        weights_by_variable(build_network(keras, narrower), weights)


def test_ensembles_that_make_no_sense(keras_network: Any, tmp_path: Path) -> None:
    from splicecore_spliceai.tensorflow_engine import TensorflowEnsemble

    one = load_keras_h5(keras_network(1).save(tmp_path / "1.h5"), spliceai_architecture(80))
    two = load_keras_h5(keras_network(2).save(tmp_path / "2.h5"), spliceai_architecture(400))
    for weights, threads, message in (([], 1, "at least one"), ([one, two], 1, "one architecture"), ([one], 0, "0")):
        with pytest.raises(ValueError, match=message):
            TensorflowEnsemble(weights, threads=threads)


class TestConformance(BaseModelConformance):
    @pytest.fixture
    def spec(self) -> Any:
        return SPEC

    @pytest.fixture
    def request_(self, published_weights: Path) -> OpenRequest:
        return request_for(published_weights, config={"members": [1, 4]})

    @pytest.fixture
    def altered_request(self, published_weights: Path, keras_network: Any, tmp_path: Path) -> OpenRequest:
        folder = Path(shutil.copytree(published_weights, tmp_path / "altered"))
        keras_network(4).save(folder / "spliceai4.h5")
        return request_for(folder, config={"members": [1, 4]})


# ------------------------------------------------------------------------------------------------- guest in a process

SCORE = """
import hashlib, logging, sys
logging.getLogger("splicecore_spliceai.members").setLevel("ERROR")  # that the weights are random
import numpy as np
from splicecore.api import OpenRequest
from splicecore_spliceai.model import open_model
from splicecore_spliceai.plugin import SPEC

def score(threads=1):
    codes = np.random.default_rng(1).integers(0, 5, (2, 10_400)).astype(np.uint8)
    request = OpenRequest(weights=sys.argv[1], engine="tensorflow", threads=threads, config={"members": [1, 2, 3]})
    with open_model(SPEC, request) as model:
        return model.predict(codes)
"""


@pytest.fixture(scope="module")
def expected_digest(random_weights: Path) -> str:
    """SHA-256 of what the program above scores in a process of its own."""
    done = run_python(SCORE + "print(hashlib.sha256(score()).hexdigest())", str(random_weights))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_is_printed_and_torch_is_not_imported(random_weights: Path, expected_digest: str) -> None:
    program = SCORE + (
        "sys.modules['torch'] = None\ndigest = hashlib.sha256(score()).hexdigest()\nsys.exit(digest != sys.argv[2])"
    )
    done = run_python(program, str(random_weights), expected_digest, TF_CPP_MIN_LOG_LEVEL=None)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_other_output_to_standard_error_is_kept(random_weights: Path) -> None:
    """Another thread that writes while TensorFlow is imported is heard, if later; the log goes to the log."""
    program = SCORE + (
        "import os, importlib\n"
        "logging.basicConfig(level='DEBUG', stream=sys.stdout, format='%(name)s: %(message)s')\n"
        "real = importlib.import_module\n"
        "def noisy(name, *package):\n"
        "    if name == 'tensorflow' and name not in sys.modules:\n"
        "        os.write(2, b'heard from another thread\\n')\n"
        "        print('and from Python', file=sys.stderr)\n"
        "        os.write(2, b'I0000 00:00:1 port.cc:153] chatter\\n')\n"
        "    return real(name, *package)\n"
        "importlib.import_module = noisy\n"
        "score()"
    )
    done = run_python(program, str(random_weights))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["heard from another thread", "and from Python"]
    assert "splicecore_spliceai.tensorflow_runtime: I0000 00:00:1 port.cc:153] chatter" in done.stdout


def test_settings_of_keras_and_of_the_environment_decide_nothing(
    random_weights: Path, tmp_path: Path, expected_digest: str
) -> None:
    settings = {"backend": "jax", "floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings), encoding="utf-8")
    program = SCORE + (
        "import os\n"
        "before = dict(os.environ)\n"
        "print(hashlib.sha256(score(threads=3)).hexdigest())\n"
        "import keras\n"
        "print(before == dict(os.environ), keras.config.floatx())"
    )
    done = run_python(program, str(random_weights), KERAS_HOME=str(tmp_path), KERAS_BACKEND="torch")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [expected_digest, "True", "float16"]


def test_a_process_that_uses_tensorflow_keeps_its_settings(random_weights: Path, expected_digest: str) -> None:
    program = SCORE + (
        "import os\n"
        "os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'\n"
        "import tensorflow as tf, keras\n"
        "tf.config.threading.set_intra_op_parallelism_threads(3)\n"
        "keras.mixed_precision.set_global_policy('mixed_bfloat16')\n"
        "tf.random.set_seed(1)\n"
        "tf.constant(1) + 1\n"
        "digest = hashlib.sha256(score()).hexdigest()\n"
        "layer = keras.layers.Dense(1)\n"
        "print(digest, tf.config.threading.get_intra_op_parallelism_threads(), keras.config.dtype_policy().name,"
        " layer.name, tf.config.experimental.tensor_float_32_execution_enabled())"
    )
    done = run_python(program, str(random_weights))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [expected_digest, "3", "mixed_bfloat16", "dense", "True"]


def test_operations_run_on_one_thread_where_that_is_ours_to_say(random_weights: Path) -> None:
    program = SCORE + (
        "score(threads=2)\nimport tensorflow as tf\nprint(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    assert run_python(program, str(random_weights)).stdout.strip() == "1"


def test_keras_on_another_backend(random_weights: Path) -> None:
    program = SCORE + (
        "import keras\nfrom splicecore.api import ConfigError\ntry: score()\nexcept ConfigError as error: print(error)"
    )
    done = run_python(program, str(random_weights), KERAS_BACKEND="torch")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("spliceai: engine tensorflow: Keras runs on torch in this process (set KERAS_BACKEND")


def test_an_old_keras(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(keras, "__version__", "2.15.0")
    with pytest.raises(MissingDependencyError, match=r"needs Keras 3, this is 2\.15\.0"):
        open_model(SPEC, request_for(random_weights, config={"members": [1]}))


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:99", "device 'cuda:99'"),
        ("cpu:1", "device 'cpu:1': there are only 1"),
        ("mps", "no Metal device"),
        ("tpu", "unknown device 'tpu'"),
        ("cuda:", "unknown device 'cuda:'"),
        ("cuda:-1", "unknown device 'cuda:-1'"),
    ],
)
def test_devices_that_do_not_exist(random_weights: Path, device: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_model(SPEC, request_for(random_weights, device=device, config={"members": [1]}))


def test_names_of_devices() -> None:
    from splicecore_spliceai.tensorflow_runtime import TensorflowRuntime, open_tensorflow

    class Config:
        @staticmethod
        def get_visible_devices(kind: str) -> list[str]:
            return [kind] * 2

    class TensorFlow:
        config = Config

    runtime = TensorflowRuntime(TensorFlow, None)
    names = ("cpu", "cpu:0", "cuda", "cuda:0", "cuda:1")
    assert [runtime.device(name) for name in names] == ["/CPU:0", "/CPU:0", "/GPU:0", "/GPU:0", "/GPU:1"]
    assert open_tensorflow().device("cpu") == "/CPU:0"


def test_full_precision_is_put_back() -> None:
    from splicecore_spliceai.tensorflow_runtime import open_tensorflow

    runtime = open_tensorflow()
    precision = runtime.tf.config.experimental
    with runtime.exact_products():
        assert not precision.tensor_float_32_execution_enabled()
    assert precision.tensor_float_32_execution_enabled()


def test_a_closed_model_refuses(random_weights: Path, codes: np.ndarray) -> None:
    model = open_model(SPEC, request_for(random_weights, config={"members": [1]}))
    model.close()
    with pytest.raises(ValueError, match="closed"):
        model.predict(codes[np.newaxis, :10_001])


# ------------------------------------------------------------------------------------------------------- command line


@pytest.mark.realdata
def test_run_gives_what_torch_gives(real_data: Path, published_weights: Path, tmp_path: Path) -> None:
    tables = {}
    for engine in ("torch", "tensorflow"):
        folder = tmp_path / engine
        done = run_python(
            "from splicecore.cli.main import main; main()",
            *("run", "--fasta", str(real_data / "genome" / "GRCh37.fa.gz"), "--genes", ",".join(REAL_GENES), "-q"),
            *("--annotation", str(real_data / "genome" / "GRCh37.spliceai_table.txt"), "--base-model", "spliceai"),
            *("--engine", engine, "--models-dir", str(published_weights), "-o", str(folder)),
        )
        assert (done.returncode, done.stderr) == (0, "")
        tables[engine] = pq.read_table(folder / "predictions" / "base_model_predictions.parquet")

    by_torch, by_tensorflow = tables["torch"], tables["tensorflow"]
    scores = [name for name in by_torch.column_names if name.endswith("_score")]
    assert len(scores) == 3
    assert by_torch.drop_columns(scores).equals(by_tensorflow.drop_columns(scores))
    assert set(by_torch["gene_name"].to_pylist()) == set(REAL_GENES)
    assert set(by_torch["strand"].to_pylist()) == {"+", "-"}
    for name in scores:
        off = np.abs(by_torch[name].to_numpy() - by_tensorflow[name].to_numpy())
        assert off.max() <= TOLERANCE
