"""An ensemble of networks that scores arrays of bases, with the same bytes for any number of threads.

Every pair of a row and a network is one task, computed by one thread from start to end: torch's own parallelism inside
operations is switched off, so the number of threads cannot change the order of any sum. A pool of threads shares the
tasks (torch releases the GIL), and the calling thread adds the networks' probabilities in the order of the networks.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from splicecore.api import ConfigError

from splicecore_splicenet.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["SplicenetEnsemble"]


class SplicenetEnsemble:
    """Mean probabilities of one or more networks of the same architecture.

    Parameters
    ----------
    weights
        The networks, in the order in which their probabilities are added.
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    threads
        Size of the pool on the CPU (at most one thread for each task at a time is busy). Scores do not depend on it.
        Other devices are driven by one thread.

    Raises
    ------
    ConfigError
        If the device is unknown or not available here.
    ValueError
        If there are no networks or their architectures differ.

    Notes
    -----
    ``torch.set_num_threads`` acts on the calling thread and on threads that start later. It is called in the pool's own
    threads, and the value for later threads is put back, so a process that embeds this class keeps its own setting.
    """

    def __init__(self, weights: Sequence[NetworkWeights], *, device: str = "cpu", threads: int = 1) -> None:
        if not weights:
            raise ValueError("an ensemble needs at least one network")
        if any(network.architecture != weights[0].architecture for network in weights):
            raise ValueError("the networks of an ensemble must have one architecture")
        if threads < 1:
            raise ValueError(f"threads is {threads}; it must be at least 1")
        self.architecture = weights[0].architecture
        self.device = _open_device(device)
        self._networks = [Network(network).eval().to(self.device) for network in weights]
        self._threads = threads if self.device.type == "cpu" else 1
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False
        self._lock = threading.Lock()

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
            Mean over the networks. A row's scores do not depend on the other rows.
        """
        n, length = codes.shape[0], codes.shape[1] - 2 * self.radius
        if length < 0:
            raise ValueError(f"rows of {codes.shape[1]} bases are shorter than the context of {2 * self.radius}")
        total = np.zeros((n, length, self.architecture.outputs), dtype=np.float32)
        if total.size == 0:
            return total
        tasks = product(range(n), range(len(self._networks)))
        with _exact_convolutions(self.device):
            for row, member in self._score(codes, tasks):
                total[row] += member
        total /= np.float32(len(self._networks))
        return total

    def close(self) -> None:
        """Stop the threads and drop the networks. May be called twice."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            pool.shutdown(cancel_futures=True)
        self._networks = []

    def _score(
        self, codes: npt.NDArray[np.uint8], tasks: Iterator[tuple[int, int]]
    ) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Yield (row, probabilities of one network) in the order of the tasks, few of them ahead of the consumer."""
        pool = self._open_pool()
        ahead: deque[tuple[int, Future[npt.NDArray[np.float32]]]] = deque()
        try:
            for row, member in tasks:
                ahead.append((row, pool.submit(self._score_row, codes[row], member)))
                if len(ahead) > 2 * self._threads:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:
            for _, future in ahead:
                future.cancel()

    def _score_row(self, codes: npt.NDArray[np.uint8], member: int) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            row = torch.from_numpy(np.array(codes[np.newaxis])).to(self.device)
            probabilities: npt.NDArray[np.float32] = self._networks[member](row)[0].cpu().numpy()
        return probabilities

    def _open_pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise ValueError("the model is closed")
            if self._pool is None:
                self._pool = _single_threaded_pool(self._threads)
            return self._pool


_SETTING_THREADS = threading.Lock()


def _single_threaded_pool(threads: int) -> ThreadPoolExecutor:
    """Start a pool in whose threads, and only there, torch's operations run on one thread each."""
    started = threading.Barrier(threads + 1)

    def initialize() -> None:
        torch.get_num_threads()  # torch sets a thread up at its first call; later that would undo the next line
        torch.set_num_threads(1)
        started.wait()

    with _SETTING_THREADS:
        mine = torch.get_num_threads()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="splicenet", initializer=initialize)
        try:
            for _ in range(threads):  # each starts a thread, because none is idle before all have met at the barrier
                pool.submit(int)
            started.wait()
        except BaseException:  # the system gave no more threads, or Ctrl-C: let go of those that wait
            started.abort()
            pool.shutdown(wait=False)
            raise
        finally:
            torch.set_num_threads(mine)  # nothing new for this thread; threads that start later take it again
    return pool


def _open_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"unknown device {name!r}", hint="use cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise ConfigError(
                f"device {name!r}: this torch sees no CUDA device",
                hint="use --device cpu, or install torch with CUDA and check the driver with nvidia-smi",
            )
        if device.index is not None and device.index >= count:
            raise ConfigError(f"device {name!r}: there are only {count} CUDA devices", hint="they count from cuda:0")
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise ConfigError(f"device {name!r}: this torch has no Metal device", hint="use --device cpu")
    elif device.type != "cpu":
        raise ConfigError(f"device {name!r} is not supported", hint="use cpu, cuda, cuda:N or mps")
    return device


def _exact_convolutions(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Full float32 (no TF32) and repeatable algorithms on CUDA while scoring; nothing elsewhere."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
