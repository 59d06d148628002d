"""The base model on the client's side."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from splicecore.api import (
    BaseModelSpec,
    ConfigError,
    ContractError,
    OpenRequest,
    PluginError,
    Scores,
    SplicecoreError,
    check_codes,
)

from splicecore_http.client import Client
from splicecore_http.config import HttpConfig
from splicecore_http.protocol import (
    FINGERPRINT,
    MODEL_PATH,
    PREDICT_PATH,
    SHAPE,
    VERSION,
    described_spec,
    read_shape,
    write_shape,
)

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt

    from splicecore_http.client import Answer

__all__ = ["HttpModel", "open_model"]

logger = logging.getLogger(__name__)


class HttpModel:
    """A model behind a server; a :class:`~splicecore.api.BaseModel`.

    Parameters
    ----------
    spec
        The descriptor that the plugin's hook yields; ``self.spec`` is that of the server's model.
    config
        Where the server is.

    Raises
    ------
    ResourceError
        If the server cannot be reached.
    PluginError
        If it is no server of this plugin, or one of another version of the protocol.
    """

    def __init__(self, spec: BaseModelSpec, config: HttpConfig) -> None:
        self._url = config.url
        self._client: Client | None = Client(config)
        description = self._describe(self._client)
        try:
            self.spec = described_spec(spec, description)
        except (KeyError, TypeError, ValueError, SplicecoreError) as error:
            raise ContractError(
                f"http: {self._url} describes its model in a way that makes no sense: {error}",
                hint="install the same version of splicecore-http there and here",
            ) from error
        self.fingerprint: str = description["fingerprint"]
        logger.info("http: %s, cite: %s", self.spec.summary, description["citation"])

    def predict(self, codes: npt.NDArray[np.uint8]) -> Scores:
        """Have positions scored.

        Parameters
        ----------
        codes
            uint8, shape (n, left + L + right): A, C, G, T, N = 0..4, on the transcribed strand, 5' to 3'. Not modified.

        Returns
        -------
        float32, shape (n, L, outputs)
            What the server's model gives, to the bit.

        Raises
        ------
        ValueError
            As :func:`splicecore.api.check_codes`, or if the model is closed.
        ResourceError
            If the server cannot be reached.
        PluginError
            If its model is another one by now or raised an error.
        ContractError
            If the answer has another shape or length than was asked for.
        """
        length = check_codes(codes, self.spec)
        if self._client is None:
            raise ValueError("the model is closed")
        expected = (len(codes), length, self.spec.n_outputs)
        if 0 in expected:
            return np.empty(expected, dtype=np.float32)
        headers = {
            SHAPE: write_shape(codes.shape),
            FINGERPRINT: self.fingerprint,
            "Content-Type": "application/octet-stream",
        }
        return self._scores(self._client.request("POST", PREDICT_PATH, body=codes.tobytes(), headers=headers), expected)

    def _scores(self, answer: Answer, expected: tuple[int, ...]) -> Scores:
        found = answer.headers.get(FINGERPRINT)
        if found != self.fingerprint:
            raise PluginError(
                f"http: the model at {self._url} has changed: fingerprint {found}, not {self.fingerprint}",
                hint="run the same command again; what was scored before is not mixed with it",
            )
        shape = read_shape(answer.headers.get(SHAPE))
        if shape != expected or len(answer.body) != 4 * int(np.prod(expected)):
            raise ContractError(
                f"http: {self._url} answered with shape {shape} in {len(answer.body)} bytes; "
                f"float32 of shape {expected} was asked for",
                hint="install the same version of splicecore-http there and here",
            )
        scores: Scores = np.frombuffer(answer.body, dtype="<f4").reshape(expected).astype(np.float32)
        return scores

    def _describe(self, client: Client) -> dict[str, Any]:
        answer = client.request("GET", MODEL_PATH)
        try:
            description = json.loads(answer.body)
            version = description["protocol"]
        except (ValueError, KeyError, TypeError) as error:
            raise PluginError(
                f"http: {self._url} is no splicecore-http server", hint="check the setting url"
            ) from error
        if version != VERSION:
            raise PluginError(
                f"http: {self._url} speaks version {version!r} of the protocol, this is version {VERSION}",
                hint="install the same version of splicecore-http there and here",
            )
        return dict(description)

    def close(self) -> None:
        """Forget the server. May be called twice."""
        self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_model(spec: BaseModelSpec, request: OpenRequest) -> HttpModel:
    """Open the model; the factory that the plugin's descriptor names.

    Raises
    ------
    ConfigError
        If the engine does not exist, a device or weights were named (they are the server's), or a setting makes no
        sense.
    """
    if request.engine not in (None, *spec.engines):
        raise ConfigError(f"http has no engine {request.engine!r}", hint=f"its engine is {spec.engines[0]}")
    if request.device != "cpu":
        raise ConfigError(f"http cannot run on device {request.device!r}", hint="give splicecore-http-serve the device")
    if request.weights is not None:
        raise ConfigError("http has no weights of its own", hint="give splicecore-http-serve the folder of the weights")
    return HttpModel(spec, HttpConfig.from_mapping(request.config))
