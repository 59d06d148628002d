"""The consensus model behind splicecore's base-model protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from splicecore.api import BaseModelSpec, ConfigError, OpenRequest, ResourceNotFoundError, Scores, check_codes

from splicecore_consensus.calibration import softmax
from splicecore_consensus.parameters import ConsensusModelParameters

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt

__all__ = ["ConsensusModel", "open_model"]

_FILE = "consensus.json"


class ConsensusModel:
    """Two weight arrays and a calibration, opened; a :class:`~splicecore.api.BaseModel`.

    Attributes
    ----------
    spec
        The descriptor as opened.
    parameters
        What was learned.
    fingerprint
        Hash of the parameters' numbers.
    """

    def __init__(self, spec: BaseModelSpec, parameters: ConsensusModelParameters) -> None:
        self.spec = spec
        self.parameters = parameters
        self.fingerprint = parameters.fingerprint

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Score positions.

        Parameters
        ----------
        codes
            uint8, shape (n, 20 + L + 6): A, C, G, T, N = 0..4, on the transcribed strand, 5' to 3'. Not modified.

        Returns
        -------
        float32, shape (n, L, 3)
            Probabilities of neither, acceptor, donor.

        Raises
        ------
        ValueError
            If the array is of another type or shape, or holds other values.
        """
        length = check_codes(codes, self.spec)
        learned = self.parameters
        acceptor, donor = (
            motif.score(codes, self.spec.left, length) - motif.floor for motif in (learned.acceptor, learned.donor)
        )
        return softmax(learned.calibration, acceptor, donor).astype(np.float32)

    def close(self) -> None:
        """Release nothing: the model holds a few hundred numbers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_model(spec: BaseModelSpec, request: OpenRequest) -> ConsensusModel:
    """Open the model; the factory that the plugin's descriptor names.

    Parameters
    ----------
    spec
        The descriptor that the hook yielded.
    request
        ``weights`` is a parameter file, or a folder with ``consensus.json``. Threads make no difference.

    Raises
    ------
    ConfigError
        If the engine does not exist, the device is not the CPU, or settings were given: there are none.
    ResourceError
        If there is no parameter file or it is damaged.
    """
    if request.engine not in (None, *spec.engines):
        raise ConfigError(f"consensus has no engine {request.engine!r}", hint=f"its engine is {spec.engines[0]}")
    if request.device != "cpu":
        raise ConfigError(f"consensus cannot run on device {request.device!r}", hint="its only device is cpu")
    if request.config:
        raise ConfigError(f"consensus has no setting {', '.join(sorted(request.config))}", hint="it has none at all")
    if request.weights is None:
        raise ResourceNotFoundError(
            "consensus was given no parameter file", hint="make one with: splicecore-consensus learn"
        )
    path = Path(request.weights)
    return ConsensusModel(spec, ConsensusModelParameters.load(path / _FILE if path.is_dir() else path))
