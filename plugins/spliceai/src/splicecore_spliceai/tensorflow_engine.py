"""An ensemble of networks computed by TensorFlow: what :class:`SplicenetEnsemble` does, without torch.

As there, every pair of a row and a network is one task, a pool of ``threads`` threads shares the tasks, and the calling
thread adds the probabilities in the order of the networks. TensorFlow's own parallelism inside operations is set to one
thread where it is still ours to set, so the number of threads decides nothing but the speed.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from splicecore_splicenet.member_spread import SPREADS, MemberSpread

from splicecore_spliceai.keras_network import build_network, weights_by_variable
from splicecore_spliceai.tensorflow_runtime import open_tensorflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["TensorflowEnsemble"]


class TensorflowEnsemble:
    """Mean probabilities of one or more networks of the same architecture.

    Parameters
    ----------
    weights
        The networks, in the order in which their probabilities are added.
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
    threads
        Networks that are computed at the same time on the CPU. Other devices are driven by one thread.
    member_spread
        Give :data:`~splicecore_splicenet.member_spread.SPREADS` after the means.

    Raises
    ------
    MissingDependencyError
        If TensorFlow or Keras 3 is not installed.
    ConfigError
        If the device is unknown or not available here, or Keras runs on another backend in this process.
    ValueError
        If there are no networks or their architectures differ.

    Notes
    -----
    TensorFlow's threads belong to the process. They are set to one for each operation if nobody set them and TensorFlow
    computes nothing yet, and left alone otherwise; then ``threads`` bounds the networks computed at the same time and
    not the cores in use. GPU memory is left to TensorFlow's settings (``TF_FORCE_GPU_ALLOW_GROWTH``).
    """

    def __init__(
        self,
        weights: Sequence[NetworkWeights],
        *,
        device: str = "cpu",
        threads: int = 1,
        member_spread: bool = False,
    ) -> None:
        if not weights:
            raise ValueError("an ensemble needs at least one network")
        if any(network.architecture != weights[0].architecture for network in weights):
            raise ValueError("the networks of an ensemble must have one architecture")
        if threads < 1:
            raise ValueError(f"threads is {threads}; it must be at least 1")
        self._runtime = open_tensorflow()
        self.architecture = weights[0].architecture
        self.device = self._runtime.device(device)
        self._runtime.claim_threads()
        self._on_cpu = self.device.startswith("/CPU")
        self._networks, self._function = _trace(self._runtime.tf, self._runtime.keras, weights, self.device)
        self._pool: ThreadPoolExecutor | None = None
        self._threads = threads if self._on_cpu else 1
        self._closed = False
        self._lock = threading.Lock()
        self._member_spread = member_spread

    @property
    def radius(self) -> int:
        """Bases of context on either side of a position."""
        return self.architecture.radius

    def predict(self, codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score positions.

        Parameters
        ----------
        codes
            uint8, (n, radius + L + radius): A, C, G, T, N = 0..4, 5' to 3'. Values are not checked.

        Returns
        -------
        float32, (n, L, outputs)
            Mean over the networks, then the deviations where they are asked for. A row's scores do not depend on the
            other rows.
        """
        n, length = codes.shape[0], codes.shape[1] - 2 * self.radius
        if length < 0:
            raise ValueError(f"rows of {codes.shape[1]} bases are shorter than the context of {2 * self.radius}")
        total = np.zeros((n, length, self.architecture.outputs), dtype=np.float32)
        spreads = [MemberSpread.zeros(length) for _ in range(n)] if self._member_spread else []
        if total.size == 0:
            return self._with_deviations(total, spreads)
        tasks = list(product(range(n), range(len(self._networks))))
        with contextlib.nullcontext() if self._on_cpu else self._runtime.exact_products():
            scored = self._open_pool().map(lambda task: self._score_row(codes[task[0]], task[1]), tasks)
            for (row, member), scores in zip(tasks, scored, strict=True):
                total[row] += scores
                if spreads:
                    spreads[row].add(member, scores.T)
        total /= np.float32(len(self._networks))
        return self._with_deviations(total, spreads)

    def close(self) -> None:
        """Stop the threads and drop the networks. May be called twice."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            pool.shutdown(cancel_futures=True)
        self._networks, self._function = [], None

    def _with_deviations(self, means: npt.NDArray[np.float32], spreads: list[MemberSpread]) -> npt.NDArray[np.float32]:
        if not self._member_spread:
            return means
        deviations = np.empty((*means.shape[:2], len(SPREADS)), dtype=np.float32)
        for row, spread in enumerate(spreads):
            deviations[row] = spread.deviation(len(self._networks))
        return np.concatenate([means, deviations], axis=2)

    def _score_row(self, codes: npt.NDArray[np.uint8], member: int) -> npt.NDArray[np.float32]:
        tf = self._runtime.tf
        with tf.device(self.device):
            scores = self._function(self._networks[member], tf.constant(codes[np.newaxis]))
        result: npt.NDArray[np.float32] = scores[0].numpy()
        return result

    def _open_pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise ValueError("the model is closed")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="spliceai-tensorflow")
            return self._pool


def _trace(tf: Any, keras: Any, weights: Sequence[NetworkWeights], device: str) -> tuple[list[Any], Any]:
    """Return the tensors of each network and the function of (tensors, codes uint8 (1, length)) of all of them."""
    model = build_network(keras, weights[0].architecture)
    with tf.device(device):
        networks = [
            {part: [tf.constant(array) for array in arrays] for part, arrays in weights_by_variable(model, one).items()}
            for one in weights
        ]

    def compute(network: Any, codes: Any) -> Any:
        with tf.device(device):
            one_hot = tf.one_hot(codes, 4, dtype=tf.float32)  # an N is no base: four zeros
            scores, _ = model.stateless_call(network["trainable"], network["other"], one_hot, training=False)
        return scores

    function = tf.function(compute, autograph=False, jit_compile=False)
    shapes = {part: [tf.TensorSpec(t.shape, t.dtype) for t in tensors] for part, tensors in networks[0].items()}
    return networks, function.get_concrete_function(shapes, tf.TensorSpec((1, None), tf.uint8))
