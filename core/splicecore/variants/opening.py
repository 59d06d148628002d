"""What a pass over a VCF opens: genome, annotation, base models; and what its results are known by."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import attrs

import splicecore
from splicecore.errors import ContigError, InputError, ResourceNotFoundError
from splicecore.genome.build import Build
from splicecore.genome.contigs import Contigs, canonical_name
from splicecore.plugins.specs import ResourceRequest
from splicecore.predict.licence import licence_notice
from splicecore.predict.opened_model import describe_opened
from splicecore.resources.inputs import Inputs, open_inputs
from splicecore.variants.annotate import main_transcripts
from splicecore.variants.meta_scores_opening import MetaTask, make_meta_task
from splicecore.variants.task import ModelTask
from splicecore.variants.transcripts import Transcripts
from splicecore.variants.windows import TILE

if TYPE_CHECKING:
    from splicecore.config import PassConfig
    from splicecore.session import Session
    from splicecore.variants.config import VariantsConfig
    from splicecore.variants.vcf import VcfSource

__all__ = ["SCORES_VERSION", "Opened", "check_build_of", "open_all", "open_inputs_of"]

logger = logging.getLogger(__name__)

SCORES_VERSION = 1
"""Of the way in which scores are computed; part of every key, so a change of it makes older ones unknown."""

_NAMED_TABLES = ("grch37", "grch38")


@attrs.frozen(kw_only=True, eq=False)
class Opened:
    """Opened inputs.

    Attributes
    ----------
    inputs
        Genome and annotation.
    transcripts
        Those that alleles are scored in.
    main
        Places of those that go into SpliceAI's own format; None for all.
    models
        Base models, as workers open them.
    meta
        The meta-model, or None.
    settings
        What the scores are made with, for headers; JSON-able, without paths.
    """

    inputs: Inputs
    transcripts: Transcripts
    main: frozenset[int] | None
    models: tuple[ModelTask, ...]
    meta: MetaTask | None
    settings: dict[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the results, but for the input."""
        return {
            "scores": [model.identity for model in self.models],
            "annotation": self.inputs.resources.annotation_sha256,
            "build": self.inputs.resources.build.digest,
            "transcripts": self.transcripts.choice,
            "splicecore": splicecore.__version__,
            **({} if self.meta is None else {"meta_model": self.meta.identity}),
        }


def open_all(session: Session, config: VariantsConfig) -> Opened:
    """Open genome, annotation and base models.

    Raises
    ------
    SplicecoreError
        For everything that is wrong with them.
    """
    inputs = open_inputs_of(session, config)
    annotation = inputs.resources.annotation()
    transcripts = Transcripts.of(annotation, config.transcripts)
    plain = config.transcripts == "canonical"
    main = None if plain else main_transcripts(transcripts, Transcripts.of(annotation, "canonical"))
    models = tuple(_model(session, config.pass_config(name), config, inputs) for name in config.base_model)
    meta = make_meta_task(session, config, inputs, models)
    settings = _settings(config, inputs, models)
    if meta is not None:
        settings["meta_model"] = meta.about
    return Opened(inputs=inputs, transcripts=transcripts, main=main, models=models, meta=meta, settings=settings)


def open_inputs_of(session: Session, config: VariantsConfig) -> Inputs:
    """Open genome and annotation, which may be SpliceAI's own table by its name."""
    config = _with_named_table(session, config)
    return open_inputs(session, config.pass_config(config.base_model[0]))


def _with_named_table(session: Session, config: VariantsConfig) -> VariantsConfig:
    """Put the path of SpliceAI's own table in the place of its name."""
    name = (config.annotation or "").lower()
    if name not in _NAMED_TABLES:
        return config
    request = ResourceRequest(
        kind="spliceai_table", name=name, files=(f"{name}.txt",), data_root=str(session.data_root)
    )
    try:
        location = session.host.find_resource(request)
    except ResourceNotFoundError as error:
        raise ResourceNotFoundError(
            f"SpliceAI's annotation table {name} is not installed: {error.message}",
            hint="give the path of an annotation: --annotation FILE (GTF, GFF3 or SpliceAI's table)",
        ) from error
    return attrs.evolve(config, annotation=f"{location.path}/{name}.txt")


def _model(session: Session, own: PassConfig, config: VariantsConfig, inputs: Inputs) -> ModelTask:
    spec, request, location = session.open_request(own)
    model = describe_opened(session, spec, request)
    if location is not None:
        logger.info("weights of %s: %s (%s)", spec.name, location.path, location.provenance)
        licence_notice(model.spec, model.fingerprint)
    identity = {
        "version": SCORES_VERSION,
        "base_model": {
            "name": spec.name,
            "fingerprint": model.fingerprint,
            "engine": request.engine,
            "device": request.device.partition(":")[0],
            "config": dict(request.config),
            "implementation": model.implementation,
        },
        "tile": TILE,
        "rules": attrs.asdict(config.rules),
        "fasta": inputs.resources.fasta_sha256,
    }
    return ModelTask(name=spec.name, request=request, fingerprint=model.fingerprint, identity=identity)


def _settings(config: VariantsConfig, inputs: Inputs, models: tuple[ModelTask, ...]) -> dict[str, Any]:
    resources = inputs.resources
    release = None if resources.key is None else resources.key.release
    return {
        "splicecore": splicecore.__version__,
        "base_models": {model.name: model.fingerprint for model in models},
        "rules": attrs.asdict(config.rules),
        "transcripts": config.transcripts,
        "build": resources.build.name,
        "genome": {"name": resources.fasta.name, "sha256": resources.fasta_sha256},
        "annotation": {
            "name": resources.annotation_path.name,
            "sha256": resources.annotation_sha256,
            "release": release,
        },
    }


def check_build_of(source: VcfSource, opened: Opened) -> None:
    """Refuse a VCF whose header says that it is of another build than the genome.

    Raises
    ------
    InputError
        If both builds are known and differ; other contradictions of lengths are logged.
    """
    contigs = opened.inputs.resources.contigs
    lengths = source.contig_lengths()
    declared = {canonical_name(name): (name, length) for name, length in lengths.items()}
    theirs = _build({name: length for name, (_, length) in declared.items()})
    ours = opened.inputs.resources.build
    known = not ours.name.startswith("custom-")
    if theirs is not None and known and theirs.name != ours.name and not theirs.name.startswith("custom-"):
        raise InputError(
            f"{source.name} is of {theirs.name} by the contigs in its header, the genome is {ours.name}",
            hint="give the genome and annotation of the variants' build",
        )
    for name, length in lengths.items():
        own = contigs.resolve(name)
        if own is not None and contigs.length(own) != length:
            logger.warning(
                "%s says that %s has %s bases, the genome's has %s",
                source.name, name, f"{length:,}", f"{contigs.length(own):,}",
            )  # fmt: skip
            return


def _build(lengths: dict[str, int]) -> Build | None:
    if not lengths:
        return None
    try:
        return Build.of(Contigs.from_mapping(lengths))
    except ContigError:
        return None
