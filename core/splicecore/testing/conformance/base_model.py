"""The base-model checks as a pytest class that a plugin's tests inherit from."""

from __future__ import annotations

import pytest

from splicecore.plugins.specs import BaseModelSpec, OpenRequest
from splicecore.testing.conformance import contract, edits, isolation, memory, scores, sites, weights
from splicecore.testing.conformance.case import BaseModelCase, find_plugin_module
from splicecore.testing.conformance.suite import ConformanceSuite, run_check

__all__ = ["BaseModelConformance"]


class BaseModelConformance(ConformanceSuite):
    """Everything that the core relies on in a base model.

    Inherit, say which model, and all tests run on it. A model that needs weights overrides ``request_`` too.

    Examples
    --------
    .. code-block:: python

        class TestMyModel(BaseModelConformance):
            @pytest.fixture
            def spec(self):
                return MY_SPEC

            @pytest.fixture
            def request_(self):
                return OpenRequest(weights="path/to/weights")

    A test that a model cannot pass is overridden with ``@pytest.mark.xfail(strict=True, reason=...)``; leaving one out
    silently fails :meth:`test_no_standard_test_is_replaced`.
    """

    @pytest.fixture
    def spec(self) -> BaseModelSpec:
        """Return the descriptor that the plugin's hook yields: every author overrides this."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture 'spec' to return its BaseModelSpec")

    @pytest.fixture
    def request_(self) -> OpenRequest:
        """How to open the model: weights, config, engine."""
        return OpenRequest()

    @pytest.fixture
    def altered_request(self) -> OpenRequest | None:
        """Return a request for the same model with at least one weight changed; None skips the test that needs it."""
        return None

    @pytest.fixture
    def plugin_module(self, spec: BaseModelSpec) -> str | None:
        """Name the module of the entry point; found by itself for an installed plugin."""
        return find_plugin_module(spec)

    @pytest.fixture
    def genome(self) -> tuple[str, str] | None:
        """Paths of a FASTA file and an annotation whose splice sites the model knows; None for simulated genes."""
        return None

    @pytest.fixture
    def positions(self) -> int:
        """Positions that a window of the tests scores. Enough for two splice sites; slow models may take fewer."""
        return 120

    @pytest.fixture
    def case(
        self,
        *,
        spec: BaseModelSpec,
        request_: OpenRequest,
        altered_request: OpenRequest | None,
        plugin_module: str | None,
        genome: tuple[str, str] | None,
        positions: int,
    ) -> BaseModelCase:
        """Return the model under test; assembled from the other fixtures."""
        return BaseModelCase(
            spec=spec,
            request=request_,
            altered_request=altered_request,
            plugin_module=plugin_module,
            genome=genome,
            length=positions,
        )

    def test_plugin_module_imports_no_framework(self, case: BaseModelCase) -> None:
        """Listing plugins stays fast and cannot fail on a broken framework."""
        run_check(isolation.check_light_import, case)

    def test_spec_is_complete(self, case: BaseModelCase) -> None:
        """Licence, citation and limits are there, and the spec can be sent to another process."""
        run_check(contract.check_spec, case)

    def test_opens(self, case: BaseModelCase) -> None:
        """The factory returns a base model that agrees with its spec."""
        run_check(contract.check_opening, case)

    def test_scores_have_shape_and_dtype(self, case: BaseModelCase) -> None:
        """float32 of shape (n, L, outputs)."""
        run_check(scores.check_shape, case)

    def test_scores_are_probabilities(self, case: BaseModelCase) -> None:
        """Finite, in [0, 1], neither + acceptor + donor = 1."""
        run_check(scores.check_probabilities, case)

    def test_same_input_gives_same_bytes(self, case: BaseModelCase) -> None:
        """Twice in a row from one model."""
        run_check(scores.check_repeatable, case)

    def test_other_process_gives_same_bytes(self, case: BaseModelCase) -> None:
        """Spec and request are pickled, and the model opened from them in a new process is the same."""
        run_check(isolation.check_other_process, case)

    def test_threads_do_not_change_bytes(self, case: BaseModelCase) -> None:
        """One thread or two."""
        run_check(scores.check_threads, case)

    def test_batch_does_not_matter(self, case: BaseModelCase) -> None:
        """Windows together, one by one and in another order."""
        run_check(scores.check_batch_invariance, case)

    def test_tiling_does_not_matter(self, case: BaseModelCase) -> None:
        """A position scored by a long tile, by a shorter one and alone."""
        run_check(scores.check_tiling_invariance, case)

    def test_flanks_do_not_matter(self, case: BaseModelCase) -> None:
        """Beyond the context, N and real sequence are the same."""
        run_check(scores.check_flanks, case)

    def test_only_n_is_no_site(self, case: BaseModelCase) -> None:
        """Sequence that says nothing is not called a site."""
        run_check(scores.check_only_n, case)

    def test_n_around_bases(self, case: BaseModelCase) -> None:
        """Bases in a sea of N, and N to one side, as at contig ends."""
        run_check(scores.check_n_around_bases, case)

    def test_soft_masked_and_ambiguous_letters(self, case: BaseModelCase) -> None:
        """Lower case is upper case, IUPAC codes are N."""
        run_check(scores.check_letters, case)

    def test_sees_the_given_strand_only(self, case: BaseModelCase) -> None:
        """Strand is the core's business."""
        run_check(scores.check_given_strand_only, case)

    def test_sites_are_scored_at_their_own_base(self, case: BaseModelCase) -> None:
        """Offset 0, own channel, both strands."""
        run_check(sites.check_zero_offset, case)

    def test_empty_input(self, case: BaseModelCase) -> None:
        """No windows, and windows of no position."""
        run_check(scores.check_empty, case)

    def test_one_position(self, case: BaseModelCase) -> None:
        """The smallest window keeps its axes."""
        run_check(scores.check_one_position, case)

    def test_edits_score_as_edited_sequence(self, case: BaseModelCase) -> None:
        """``predict_edits``, where offered, equals ``predict``."""
        run_check(edits.check_edits, case)

    def test_edits_do_not_depend_on_each_other(self, case: BaseModelCase) -> None:
        """Alone or among others."""
        run_check(edits.check_edits_alone, case)

    def test_input_is_not_changed(self, case: BaseModelCase) -> None:
        """The core uses its arrays again."""
        run_check(isolation.check_input_untouched, case)

    def test_input_layout_does_not_matter(self, case: BaseModelCase) -> None:
        """Read-only and strided arrays are ordinary input."""
        run_check(isolation.check_input_layout, case)

    def test_standard_output_stays_clean(self, case: BaseModelCase) -> None:
        """It belongs to results."""
        run_check(isolation.check_silence, case)

    def test_global_state_is_left_alone(self, case: BaseModelCase) -> None:
        """Seeds, environment, working folder, default dtype."""
        run_check(isolation.check_global_state, case)

    def test_bad_input_is_refused(self, case: BaseModelCase) -> None:
        """Wrong dtype, dimensions or length."""
        run_check(contract.check_bad_input, case)

    def test_fingerprint_is_stable(self, case: BaseModelCase) -> None:
        """A hash, the same at every opening and for any number of threads."""
        run_check(contract.check_fingerprint, case)

    def test_fingerprint_follows_weights(self, case: BaseModelCase) -> None:
        """Other weights, other fingerprint."""
        run_check(contract.check_fingerprint_of_altered_weights, case)

    def test_missing_weights_are_refused(self, case: BaseModelCase) -> None:
        """With a ResourceError and a hint."""
        run_check(weights.check_missing_weights, case)

    def test_truncated_weights_are_refused(self, case: BaseModelCase) -> None:
        """With a ResourceError."""
        run_check(weights.check_truncated_weights, case)

    def test_altered_weights_are_noticed(self, case: BaseModelCase) -> None:
        """Refused, or another fingerprint."""
        run_check(weights.check_altered_weights, case)

    def test_memory_is_as_declared(self, case: BaseModelCase) -> None:
        """Where the spec declares it."""
        run_check(memory.check_memory, case)

    def test_closing(self, case: BaseModelCase) -> None:
        """Twice, and by ``with``."""
        run_check(contract.check_closing, case)

    def test_unknown_device_is_refused(self, case: BaseModelCase) -> None:
        """With an error of splicecore's."""
        run_check(contract.check_unknown_device, case)

    def test_unknown_engine_is_refused(self, case: BaseModelCase) -> None:
        """With an error of splicecore's."""
        run_check(contract.check_unknown_engine, case)
