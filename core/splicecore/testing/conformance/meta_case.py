"""What a check of a meta-model is given: how to make the model, and rows of a problem that any model can learn."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.config import structure
from splicecore.plugins.specs import MetaModelSpec, load_object

if TYPE_CHECKING:
    from splicecore.plugins.protocols import MetaModel

__all__ = ["Batch", "MetaModelCase"]

Batch: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.float64]]

_SHIFT = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
_SHARES = (0.6, 0.2, 0.2)


@attrs.frozen(kw_only=True)
class MetaModelCase:
    """A meta-model under test.

    Attributes
    ----------
    spec
        The descriptor that the plugin's hook yields.
    config
        Its settings as JSON-able keys and values; few rounds make the tests fast.
    rows
        Rows that the model is fitted on.
    features
        Number of features of the rows, at least 3. The first two tell the classes apart, the others are noise.
    """

    spec: MetaModelSpec
    config: dict[str, Any] = attrs.field(factory=dict)
    rows: int = 1200
    features: int = attrs.field(default=5, validator=attrs.validators.ge(3))

    def make(self) -> MetaModel:
        """Make the model as the core does, neither fitted nor loaded."""
        config: Any = None
        if self.spec.config_cls is not None:
            config = structure(self.config, self.spec.config_cls, where=self.spec.name)
        made: MetaModel = load_object(self.spec.factory)(config)
        return made

    def batch(self, rows: int, seed: int, *, missing: float = 0.05) -> Batch:
        """Make rows of the easy problem.

        Returns
        -------
        features float32 (rows, features), a share ``missing`` of them NaN; classes int8 (rows,); weights float64 of one
        """
        generator = np.random.Generator(np.random.PCG64(seed))
        classes = generator.choice(3, size=rows, p=_SHARES).astype(np.int8)
        features = generator.normal(size=(rows, self.features))
        features[:, :2] += _SHIFT[classes]
        features[generator.random(features.shape) < missing] = np.nan
        return features.astype(np.float32), classes, np.ones(rows)

    def train(self) -> list[Batch]:
        """Make the rows to fit on, in three batches of different sizes."""
        features, classes, weight = self.batch(self.rows, 1)
        cuts = [0, self.rows // 6, self.rows // 2, self.rows]
        parts = [slice(first, last) for first, last in itertools.pairwise(cuts)]
        return [(features[part], classes[part], weight[part]) for part in parts]

    def valid(self) -> list[Batch]:
        """Make validation rows."""
        return [self.batch(self.rows // 3, 2)]

    def fitted(self, *, seed: int = 5) -> MetaModel:
        """Make a model and fit it on the rows, with validation rows."""
        model = self.make()
        model.fit(self.train(), self.valid(), seed)
        return model

    def test_features(self, rows: int = 64) -> npt.NDArray[np.float32]:
        """Make features that the model has not seen, some of them missing."""
        return self.batch(rows, 3)[0]

    def saved(self, model: MetaModel) -> dict[str, bytes]:
        """Return the files that the model saves, by path."""
        with tempfile.TemporaryDirectory() as folder:
            model.save(folder)
            found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
            return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

    def loaded(self, files: dict[str, bytes]) -> MetaModel:
        """Make a new model and load it from files."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            model = self.make()
            model.load(folder)
        return model
