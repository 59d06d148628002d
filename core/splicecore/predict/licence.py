"""Telling a user once under which licence a model's weights are."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from splicecore.plugins.specs import BaseModelSpec

__all__ = ["licence_notice"]

logger = logging.getLogger(__name__)


def licence_notice(spec: BaseModelSpec, fingerprint: str) -> None:
    """Log the licence of weights: as a warning the first time that they are used on this account, else as information.

    What was shown is remembered under the platform's folder for state; where that cannot be written it is shown each
    time.
    """
    commercial = {None: "commercial use unclear", True: "commercial use allowed", False: "not for commercial use"}
    text = f"weights of {spec.name}: {spec.licence}, {commercial[spec.commercial_use]}; cite {spec.citation}"
    marker = platformdirs.user_state_path("splicecore") / "licences" / f"{spec.name}-{fingerprint[:16]}.txt"
    seen = False
    with contextlib.suppress(OSError):
        seen = marker.exists()
    logger.log(logging.INFO if seen else logging.WARNING, text)
    if not seen:
        with contextlib.suppress(OSError):
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.write_text(text + "\n", encoding="utf-8")
