"""An ensemble of networks that scores arrays of bases, with the same bytes for any number of threads.

Threads work on one tile and one network at a time and share the portions of each stage
(:class:`~splicecore_splicenet.stage.Stage`): whoever is free takes the next one, and all wait for each other before the
next stage. A portion is computed by one thread from start to end (torch's own parallelism inside operations is switched
off) and is the same portion for any number of threads, so that number cannot change the order of any sum. Probabilities
are added in the order of the networks.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import numpy as np
import torch
from splicecore.api import ConfigError

from splicecore_splicenet.choices import CONVOLUTIONS, Convolutions
from splicecore_splicenet.edit_scorer import EditScorer
from splicecore_splicenet.member_spread import SPREADS, MemberSpread
from splicecore_splicenet.network import Network
from splicecore_splicenet.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt
    from splicecore.api import Edit

    from splicecore_splicenet.stage import Stage
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
        Threads that compute on the CPU. Scores do not depend on it. Other devices are driven by one thread.
    convolutions
        ``"fast"``: as a Fourier transform where that is faster; ``"direct"``: none. Scores differ by about 1e-6.
    member_spread
        Give :data:`~splicecore_splicenet.member_spread.SPREADS` after the means.

    Raises
    ------
    ConfigError
        If the device or the way of computing convolutions is unknown, or the device not available here.
    ValueError
        If there are no networks or their architectures differ.

    Notes
    -----
    ``torch.set_num_threads`` acts on the calling thread and on threads that start later. It is called in the pool's own
    threads, and the value for later threads is put back, so a process that embeds this class keeps its own setting.
    """

    def __init__(
        self,
        weights: Sequence[NetworkWeights],
        *,
        device: str = "cpu",
        threads: int = 1,
        convolutions: Convolutions = "fast",
        member_spread: bool = False,
    ) -> None:
        if not weights:
            raise ValueError("an ensemble needs at least one network")
        if any(network.architecture != weights[0].architecture for network in weights):
            raise ValueError("the networks of an ensemble must have one architecture")
        if threads < 1:
            raise ValueError(f"threads is {threads}; it must be at least 1")
        if convolutions not in CONVOLUTIONS:
            raise ConfigError(f"convolutions is {convolutions!r}", hint=f"one of {', '.join(CONVOLUTIONS)}")
        self.architecture = weights[0].architecture
        self.device = _open_device(device)
        self._weights = list(weights)
        self._convolutions = convolutions
        self._member_spread = member_spread
        self._edit_scorer: EditScorer | None = None
        self._networks: list[Network] = []  # made when they are first needed: many a model is opened for its name only
        self._threads = threads if self.device.type == "cpu" else 1
        self._memory = Scratch(self.device)
        self._scratches = [Scratch(self.device) for _ in range(self._threads)]
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def _outputs(self) -> int:
        return self.architecture.outputs + (len(SPREADS) if self._member_spread else 0)

    @property
    def radius(self) -> int:
        """Bases of context on either side of a position."""
        return self.architecture.radius

    def predict(self, codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Score positions. Callers in other threads wait for their turn.

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
        scores = np.empty((n, length, self._outputs), dtype=np.float32)
        with self._lock:
            pool = self._open_pool()
            if scores.size:
                self._open_networks()
                with _exact_convolutions(self.device):
                    for row in range(n):
                        self._score_row(pool, codes[row], scores[row])
        return scores

    def predict_edits(
        self, codes: npt.NDArray[np.uint8], edits: Sequence[Edit], radius: int
    ) -> list[npt.NDArray[np.float32]]:
        """Score the surroundings of edits. Callers in other threads wait for their turn.

        Parameters
        ----------
        codes
            uint8, (radius + L + radius,), with the network's radius: A, C, G, T, N = 0..4, 5' to 3'. Not checked.
        edits
            Each replaces ``codes[start:end]``. Not checked.
        radius
            Positions on either side of the new bases that are scored, at least 0.

        Returns
        -------
        For each edit float32, (n, outputs)
            What :meth:`predict` gives, to 1e-6, of positions [start - radius, start + len(new) + radius) of the edited
            codes that have full context. An edit's scores do not depend on the other edits or on the threads.
        """
        with self._lock:
            pool = self._open_pool()
            if not edits:
                return []
            self._open_networks()
            if self._edit_scorer is None:
                self._edit_scorer = EditScorer(
                    self._networks, self._convolutions, self.device, member_spread=self._member_spread
                )

            def predict(row: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
                scores = np.empty((len(row) - 2 * self.radius, self._outputs), dtype=np.float32)
                self._score_row(pool, row, scores)
                return scores

            with _exact_convolutions(self.device):
                return self._edit_scorer.score(codes, edits, radius, lambda stages: self._run(pool, stages), predict)

    def close(self) -> None:
        """Stop the threads and drop the networks. May be called twice."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
            self._networks, self._weights, self._scratches, self._memory = [], [], [], Scratch()
            self._edit_scorer = None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _score_row(
        self, pool: ThreadPoolExecutor, codes: npt.NDArray[np.uint8], scores: npt.NDArray[np.float32]
    ) -> None:
        """Fill ``scores``, (L, outputs)."""
        outputs, length = self.architecture.outputs, len(scores)
        with torch.inference_mode():
            row = torch.from_numpy(np.array(codes)).to(self.device)
            total = torch.zeros((outputs, length), device=self.device)
            spread = None
            if self._member_spread:
                spread = MemberSpread.zeros(length, lambda shape: torch.zeros(shape, device=self.device))
            stages = [
                stage
                for member, network in enumerate(self._networks)
                for stage in network.stages(row, total, self._memory, member=member, spread=spread)
            ]
        self._run(pool, stages)
        scores[:, :outputs] = total.t().cpu().numpy()
        scores[:, :outputs] /= np.float32(len(self._networks))
        if spread is not None:
            scores[:, outputs:] = spread.deviation(len(self._networks), lambda sums: sums.cpu().numpy())

    def _run(self, pool: ThreadPoolExecutor, stages: Sequence[Stage]) -> None:
        """Do stages, one after the other."""
        team = _Team(self._threads)
        futures: list[Future[None]] = []
        try:
            futures.extend(pool.submit(_work, stages, team, scratch) for scratch in self._scratches)
            failures = [error for error in [future.exception() for future in futures] if error is not None]
        except BaseException:  # Ctrl-C: a call with many edits takes minutes
            team.stop()
            wait(futures)
            raise
        for error in failures:
            if not isinstance(error, threading.BrokenBarrierError):  # the others only stopped because of this one
                raise error

    def _open_networks(self) -> None:
        if not self._networks:
            kind = self.device.type
            made = [Network(weights, self._convolutions, kind).eval().to(self.device) for weights in self._weights]
            self._networks, self._weights = made, []

    def _open_pool(self) -> ThreadPoolExecutor:
        if self._closed:
            raise ValueError("the model is closed")
        if self._pool is None:
            self._pool = _single_threaded_pool(self._threads)
        return self._pool


def _work(stages: Iterable[Stage], team: _Team, scratch: Scratch) -> None:
    """Take part in the stages; run by every thread of the pool at once."""
    with torch.inference_mode(), team:
        for stage in stages:
            for portion in team.share(stage.portions):
                stage.run(portion, scratch)


class _Team:
    """Threads that go through the same stages together and share the portions of each."""

    def __init__(self, size: int) -> None:
        self._barrier = threading.Barrier(size, action=self._start_stage)
        self._next = itertools.count()
        self._stopped = False

    def _start_stage(self) -> None:
        self._next = itertools.count()

    def share(self, portions: int) -> Iterator[int]:
        """Yield portions that no other thread is given; end when all threads have come to the end."""
        while not self._stopped and (portion := next(self._next)) < portions:
            yield portion
        self._barrier.wait()

    def __enter__(self) -> None:
        self._barrier.wait()  # nobody is scored before all are here

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.stop()

    def stop(self) -> None:
        """Have all threads leave after the portion that they are at."""
        self._stopped = True
        self._barrier.abort()


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
