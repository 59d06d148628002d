"""Base models that are quick, slow, fussy or broken."""

import os
import time

import attrs
from splicecore.api import hookimpl
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel


def spec(name, **fields):
    return attrs.evolve(MOTIF_SPEC, name=name, factory=__name__ + ":open_model", **fields)


SPECS = {
    s.name: s
    for s in (
        spec("quick"),
        spec("windows", output_length=700, max_positions=2100),
        spec("tiles", max_positions=1000),
        spec("slow"),
        spec("fussy"),
        spec("broken"),
        spec("liar"),
    )
}


@hookimpl
def splicecore_base_models():
    return list(SPECS.values())


class Model(MotifModel):
    def predict(self, codes):
        kind = self.spec.name
        if kind == "slow":
            time.sleep(float(os.environ.get("SLOW", "0.2")))
        fussy = kind in ("fussy", os.environ.get("FUSSY"))
        if kind == "broken" or (fussy and codes.shape[1] % 2):
            raise RuntimeError("a model's own bug")
        scores = super().predict(codes)
        return scores * 2 if kind == "liar" else scores


def open_model(spec, request):
    return Model(spec, request)
