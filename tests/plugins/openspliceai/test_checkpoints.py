from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from splicecore.api import ConfigError, ResourceError, ResourceNotFoundError
from splicecore_openspliceai.checkpoints import choose_checkpoints, find_checkpoints, named_context
from splicecore_openspliceai.config import OpenSpliceAIConfig

if TYPE_CHECKING:
    from pathlib import Path


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def choose(root: Path, **settings) -> str:
    return choose_checkpoints(root, OpenSpliceAIConfig(**settings)).title


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("10000nt", 10_000),
        ("model_80nt_rs10", 80),
        ("openspliceai-mouse-2000nt", 2000),
        ("400NT", 400),
        ("model_best", None),
        ("front", None),
        ("10000nts", None),
        ("a80nt", None),
    ],
)
def test_contexts_in_names(name: str, context: int | None) -> None:
    assert named_context(name) == context


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("openspliceai-mane/10000nt/model_10000nt_rs10.pt", "mane/10000nt"),
        ("OSAI-MANE/400nt/model_400nt_rs10.pt", "mane/400nt"),
        ("spliceai-mane/80nt/model_80nt_rs14.pth", "mane/80nt"),
        ("_spliceai-zebrafish/80nt/model.pt", "zebrafish/80nt"),
        ("openspliceai-mouse-2000nt/1.pt", "mouse/2000nt"),
        ("Oryza_sativa/400nt/1.pt", "oryza-sativa/400nt"),
        ("400nt/1.pt", "400nt"),
    ],
)
def test_names_of_folders(tmp_path: Path, path: str, title: str) -> None:
    (folder,) = find_checkpoints(touch(tmp_path, path))

    assert folder.title == title
    assert folder.path == (tmp_path / path).parent


def test_the_folder_itself(tmp_path: Path) -> None:
    root = touch(tmp_path / "OSAI-Mouse" / "400nt", "a.pt", "80nt/b.pt")

    (folder,) = find_checkpoints(root)

    assert (folder.species, folder.context, [file.name for file in folder.files]) == ("mouse", 400, ["a.pt"])


def test_a_folder_of_any_name(tmp_path: Path) -> None:
    touch(tmp_path, "10.pth", "9.pt", "1.pt", "Best.PT", "notes.txt", "._1.pt", "log.pt.txt")
    (tmp_path / "folder.pt").mkdir()

    (folder,) = find_checkpoints(tmp_path)

    assert [file.name for file in folder.files] == ["1.pt", "9.pt", "10.pth", "Best.PT"]
    assert (folder.species, folder.context, folder.title) == (None, None, str(tmp_path))


def test_one_file(tmp_path: Path) -> None:
    path = touch(tmp_path, "mine/400nt/a.pt", "mine/400nt/b.pt") / "mine" / "400nt" / "b.pt"

    (folder,) = find_checkpoints(path)

    assert (folder.files, folder.context) == ((path,), 400)


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "1.pt")
    (tmp_path / "root" / "openspliceai-mane").mkdir(parents=True)
    (tmp_path / "root" / "openspliceai-mane" / "80nt").symlink_to(tmp_path / "elsewhere")

    assert choose(tmp_path / "root") == "mane/80nt"


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    return touch(
        tmp_path,
        "openspliceai-mane/80nt/a.pt",
        "openspliceai-mane/10000nt/a.pt",
        "openspliceai-arabidopsis/400nt/a.pt",
        "openspliceai-mouse/80nt/a.pt",
        "openspliceai-mouse/400nt/a.pt",
    )


@pytest.mark.parametrize(
    ("settings", "title"),
    [
        ({}, "mane/10000nt"),
        ({"context": 80}, "mane/80nt"),
        ({"species": "human"}, "mane/10000nt"),
        ({"species": "Arabidopsis"}, "arabidopsis/400nt"),
        ({"species": "mouse", "context": 400}, "mouse/400nt"),
    ],
)
def test_the_settings_choose(releases: Path, settings: dict, title: str) -> None:
    assert choose(releases, **settings) == title


def test_the_folder_of_a_species(releases: Path) -> None:
    assert choose(releases / "openspliceai-arabidopsis") == "arabidopsis/400nt"
    assert choose(releases / "openspliceai-mouse", context=80) == "mouse/80nt"


@pytest.mark.parametrize("settings", [{"species": "mouse"}, {"species": "mouse", "context": 2000}, {"species": "rice"}])
def test_what_is_not_there_or_not_clear_is_listed(releases: Path, settings: dict) -> None:
    with pytest.raises(ResourceError, match=r"mouse.80nt.*mouse.400nt") as caught:
        choose(releases, **settings)
    assert "species and context" in str(caught.value.hint)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"holds no \.pt or \.pth file") as caught:
        choose(touch(tmp_path, "openspliceai-mane/front/a.pt"))
    assert "--models-dir" in str(caught.value.hint)


def test_a_wish_that_the_folder_itself_denies(releases: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"no weights of 400 nt in .*which has mane/80nt"):
        choose(releases / "openspliceai-mane" / "80nt", context=400)
    with pytest.raises(ResourceNotFoundError, match=r"no weights of mouse in .*which has mane/80nt"):
        choose(releases / "openspliceai-mane" / "80nt", species="mouse")


def test_members(tmp_path: Path) -> None:
    (folder,) = find_checkpoints(
        touch(tmp_path, "model_80nt_rs10.pt", "model_80nt_rs9.pt", "model_best.pt", "best_9.pt")
    )

    def names(*members: int | str) -> list[str]:
        return [file.name for file in folder.select(members)]

    assert names("model_best", 10) == ["model_80nt_rs10.pt", "model_best.pt"]
    assert names("best_9.pt") == ["best_9.pt"]
    for member, message in ((11, "no file"), ("model", "no file"), (9, "2 files")):
        with pytest.raises(ConfigError, match=message) as caught:
            names(member)
        assert "model_best.pt" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context": 500}, "context is 500"),
        ({"context": "400"}, "context is '400'"),
        ({"context": True}, "context is True"),
        ({"species": ""}, "species is"),
        ({"species": 3}, "species is 3"),
        ({"members": []}, "members is"),
        ({"members": [1, 1]}, "members is"),
        ({"members": [True]}, "members is"),
        ({"members": 10}, "members is"),
        ({"seeds": [1]}, "unknown setting seeds"),
    ],
)
def test_settings_that_make_no_sense(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OpenSpliceAIConfig.from_mapping(settings)
