"""Putting many named files in place, out of folders and archives, and telling which of them are equal."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from mlebench.data import Member, extract, link, link_files, link_tree, links, one_hot, read_csv, unpack_files, write_7z
from mlebench.data.groups import same_content, same_folders, same_members
from mlebench.data.links import may_link
from mlebench.errors import WorkFailed


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    for name in ("cats/1.jpg", "cats/2.jpg", "dogs/3.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def packed(photos: Path) -> Path:
    archive = photos.parent / "photos.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(photos.rglob("*.jpg")):
            opened.write(path, path.relative_to(photos))
    return archive


def test_files_are_linked_below_the_target_or_to_new_names(photos: Path, tmp_path: Path) -> None:
    with may_link(photos):
        assert link_files(photos, tmp_path / "same", ["cats/1.jpg", "dogs/3.jpg"]) == 2
        assert (tmp_path / "same/cats/1.jpg").samefile(photos / "cats/1.jpg")
        link_files(photos, tmp_path / "flat", {"cats/2.jpg": "b.jpg", "dogs/3.jpg": "a.jpg"})
        assert (tmp_path / "flat/a.jpg").samefile(photos / "dogs/3.jpg")
        assert not (tmp_path / "flat/a.jpg").stat().st_mode & 0o222


def test_what_nobody_allowed_to_be_linked_is_a_file_of_its_own(photos: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.jpg"
    theirs.write_bytes(b"theirs")
    (photos / "cats/link.jpg").symlink_to(theirs)
    with may_link(tmp_path / "elsewhere"):
        link_tree(photos, tmp_path / "other folder")
        link(photos / "cats/1.jpg", tmp_path / "one.jpg")
    with may_link(photos):
        # a link out of the folder leads to a file that is not ours
        link_files(photos, tmp_path / "linked", ["cats/link.jpg"])
    made = [path for name in ("other folder", "linked") for path in (tmp_path / name).rglob("*.jpg")]
    assert len(made) == 5
    for path in [*made, tmp_path / "one.jpg"]:
        assert path.stat().st_nlink == 1 and not path.is_symlink()
        path.write_bytes(b"changed")
    assert theirs.read_bytes() == b"theirs"
    assert (photos / "cats/1.jpg").read_bytes() == b"cats/1.jpg"


def test_a_folder_in_the_place_of_a_file_is_named(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"cats is a folder, expected a file"):
        link(photos / "cats", tmp_path / "cats")
    with pytest.raises(WorkFailed, match=r"1\.jpg is a file, expected a folder"):
        link_tree(photos / "cats/1.jpg", tmp_path / "tree")


def test_a_name_given_twice_is_one_file(photos: Path, tmp_path: Path) -> None:
    assert link_files(photos, tmp_path / "same", ["cats/1.jpg", "cats/1.jpg"]) == 1


def test_no_names_give_an_empty_folder(photos: Path, tmp_path: Path) -> None:
    assert link_files(photos, tmp_path / "empty", []) == 0
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_hidden_origin_shows_neither_inode_nor_time_of_the_raw_file(photos: Path, tmp_path: Path) -> None:
    for age, path in enumerate(photos.rglob("*.jpg")):
        os.utime(path, (age, age))
    names = {"dogs/3.jpg": "1.jpg", "cats/1.jpg": "2.jpg"}
    link_files(photos, tmp_path / "public", names, hide_origin=True)
    copies = [tmp_path / "public" / name for name in names.values()]
    assert not any(copy.samefile(photos / name) for name, copy in zip(names, copies, strict=True))
    assert len({copy.stat().st_mtime for copy in copies}) == 1
    assert (tmp_path / "public/1.jpg").read_bytes() == b"dogs/3.jpg"


@pytest.mark.parametrize("hide_origin", [True, False])
def test_missing_files_are_counted_and_named(photos: Path, tmp_path: Path, hide_origin: bool) -> None:
    names = ["cats/1.jpg", *(f"cats/{number}.jpg" for number in range(7, 12))]
    with pytest.raises(WorkFailed, match=r"5 of the files needed are missing .*cats/7\.jpg, cats/8\.jpg, cats/9\.jpg, …"):
        link_files(photos, tmp_path / "public", names, hide_origin=hide_origin)


def test_members_are_unpacked_to_new_names_with_one_time(packed: Path, tmp_path: Path) -> None:
    assert unpack_files(packed, tmp_path / "out", {"dogs/3.jpg": "x/1.jpg", "cats/1.jpg": "2.jpg"}) == 2
    assert (tmp_path / "out/x/1.jpg").read_bytes() == b"dogs/3.jpg"
    assert (tmp_path / "out/x/1.jpg").stat().st_mtime == (tmp_path / "out/2.jpg").stat().st_mtime


def test_missing_members_are_named_before_anything_is_written(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"1 of the files needed is missing from .*photos\.zip \(cats/9\.jpg\)"):
        unpack_files(packed, tmp_path / "out", ["cats/1.jpg", "cats/9.jpg"])
    assert list((tmp_path / "out").rglob("*.jpg")) == []


def test_a_7z_has_the_same_bytes_each_time_and_gives_its_members_back(photos: Path, tmp_path: Path) -> None:
    members = [Member("train", photos), Member("train/1.jpg", photos / "cats/1.jpg")]
    write_7z(tmp_path / "first.7z", members)
    write_7z(tmp_path / "second.7z", members)
    assert (tmp_path / "first.7z").read_bytes() == (tmp_path / "second.7z").read_bytes()
    assert (extract(tmp_path / "first.7z", tmp_path / "out") / "train/1.jpg").read_bytes() == b"cats/1.jpg"


def test_files_with_equal_bytes_share_a_name(photos: Path) -> None:
    (photos / "dogs/4.jpg").write_bytes(b"cats/1.jpg")
    (photos / "dogs/5.jpg").write_bytes(b"longer than the others")
    names = same_content(photos / name for name in ("cats/1.jpg", "cats/2.jpg", "dogs/4.jpg", "dogs/5.jpg"))
    assert names[0] == names[2]
    assert len(set(names)) == 3
    with pytest.raises(WorkFailed, match=r"6\.jpg is missing"):
        same_content([photos / "dogs/6.jpg"])


def test_files_that_differ_outside_their_middle_are_told_apart(tmp_path: Path) -> None:
    for name, first in (("one", b"a"), ("other", b"b"), ("same", b"a")):
        (tmp_path / name).write_bytes(first + bytes(20_000))
    names = same_content(tmp_path / name for name in ("one", "other", "same"))
    assert names[0] == names[2] != names[1]


def test_folders_with_equal_files_share_a_name_whatever_these_are_called(photos: Path) -> None:
    for folder, names in (("b/x", ("7.jpg", "8.jpg")), ("c", ("7.jpg",))):
        (photos / folder).mkdir(parents=True)
        for name, content in zip(names, (b"cats/2.jpg", b"cats/1.jpg"), strict=False):
            (photos / folder / name).write_bytes(content)
    cats, deeper, less = same_folders(photos / name for name in ("cats", "b", "c"))
    assert cats == deeper != less
    with pytest.raises(WorkFailed, match=r"the folder .*gone is missing"):
        same_folders([photos / "gone"])


def test_members_with_equal_bytes_share_a_name(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as opened:
        opened.writestr("twin.jpg", b"cats/1.jpg", zipfile.ZIP_DEFLATED)
        # of the same size and with the same CRC-32
        opened.writestr("plumless", b"plumless")
        opened.writestr("buckeroo", b"buckeroo")
    with zipfile.ZipFile(packed) as opened:
        names = same_members(opened, ["cats/1.jpg", "cats/2.jpg", "twin.jpg", "plumless", "buckeroo"])
        assert opened.getinfo("plumless").CRC == opened.getinfo("buckeroo").CRC
        assert names[0] == names[2]
        assert len(set(names)) == 4
        with pytest.raises(WorkFailed, match=r"1 of the files needed is missing from .*photos\.zip \(cats/9\.jpg\)"):
            same_members(opened, ["cats/9.jpg"])


def test_one_hot_keeps_index_and_order_of_classes() -> None:
    table = one_hot(pd.Series(["b", "a"], index=[7, 3], name="label"), ["a", "b", "c"])
    assert table.loc[7].tolist() == [0, 1, 0]
    assert table.loc[3].tolist() == [1, 0, 0]
    with pytest.raises(WorkFailed, match=r"`label` values outside the classes \(x\)"):
        one_hot(pd.Series(["x"], name="label"), ["a"])


@pytest.mark.parametrize("archive", ["train.zip", "train.csv.zip"])
def test_the_table_of_a_zip_is_told_by_name_among_what_packing_left_there(tmp_path: Path, archive: str) -> None:
    with zipfile.ZipFile(tmp_path / archive, "w") as packed:
        for name in ("__MACOSX/._train.csv", ".DS_Store", "notes/train.csv", "readme.txt"):
            packed.writestr(name, "not the table")
        packed.writestr("train.csv", "id\n7\n")
    assert read_csv(tmp_path / archive)["id"].tolist() == [7]


def test_a_zip_without_that_table_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as packed:
        packed.writestr("a.csv", "id\n7\n")
        packed.writestr("b.csv", "id\n7\n")
    with pytest.raises(WorkFailed, match=r"one table named train but contains a\.csv, b\.csv"):
        read_csv(tmp_path / "train.zip")


NO_LINKS = [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.ENOTSUP]


@pytest.mark.parametrize("refusal", NO_LINKS)
@pytest.mark.parametrize("way", ["reflink", "copied in the kernel", "copied"])
def test_where_links_are_refused_files_are_copied_the_cheapest_way(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int, way: str
) -> None:
    """On another file system, with too many links to one file, or where the kernel forbids them."""
    import fcntl

    used = []

    def link_nothing(*args: object, **options: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    def reflink(clone: int, request: int, original: int) -> int:
        if way != "reflink":
            raise OSError(errno.EOPNOTSUPP, "no reflinks")
        used.append("reflink")
        os.write(clone, os.pread(original, 10**6, 0))
        return 0

    def copy_in_kernel(source: int, target: int, count: int, start: int) -> int:
        if way == "copied":
            raise OSError(errno.EXDEV, "other file system")
        used.append("copied in the kernel")
        # it may copy less than it is asked for
        return os.write(target, os.pread(source, min(count, 3), start))

    monkeypatch.setattr(os, "link", link_nothing)
    monkeypatch.setattr(fcntl, "ioctl", reflink)
    monkeypatch.setattr(os, "copy_file_range", copy_in_kernel)
    monkeypatch.setattr(links, "_WITHOUT_REFLINKS", set())
    (photos / "empty").write_bytes(b"")
    with may_link(photos):
        link_tree(photos, tmp_path / "tree")
        link_files(photos, tmp_path / "files", ["cats/1.jpg", "empty"])
        link(photos / "dogs/3.jpg", tmp_path / "one.jpg")
    assert set(used) == ({way} - {"copied"})
    made = [*(tmp_path / "tree").rglob("*.jpg"), *(tmp_path / "files").rglob("*.jpg"), tmp_path / "one.jpg"]
    assert len(made) == 5
    for path in made:
        assert path.read_bytes().endswith(b".jpg") and path.stat().st_nlink == 1 and path.stat().st_mode & 0o200
    assert (tmp_path / "files/empty").read_bytes() == b""


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no second file system")
def test_files_of_another_file_system_are_copied(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        content = os.urandom(300_000)
        (Path(folder) / "a.bin").write_bytes(content)
        with may_link(Path(folder)):
            link_tree(Path(folder), tmp_path / "tree")
        assert (tmp_path / "tree/a.bin").read_bytes() == content


def test_files_that_the_kernel_makes_up_are_copied_whole(tmp_path: Path) -> None:
    """Their size is said to be 0."""
    link(Path("/proc/self/status"), tmp_path / "status")
    assert (tmp_path / "status").read_text().startswith("Name:")


def test_a_folder_or_a_pipe_in_the_place_of_a_file_is_no_copy(photos: Path, tmp_path: Path) -> None:
    os.mkfifo(photos / "pipe")
    with pytest.raises(WorkFailed, match="is a folder, expected a file"):
        link_files(photos, tmp_path / "out", ["cats"])
    with pytest.raises(shutil.SpecialFileError, match=f"`{photos}/pipe` is a named pipe"):
        link_files(photos, tmp_path / "out", ["pipe"])
    (tmp_path / "there").mkdir()
    with pytest.raises(IsADirectoryError, match="there"):
        (photos / "cats/1.jpg").chmod(0o444)
        links._clone_or_copy(photos / "cats/1.jpg", tmp_path / "there")


def test_a_file_is_not_copied_onto_itself(photos: Path) -> None:
    with pytest.raises(shutil.SameFileError):
        link(photos / "cats/1.jpg", photos / "cats/1.jpg")
    assert (photos / "cats/1.jpg").read_bytes() == b"cats/1.jpg"


def test_a_copy_replaces_a_longer_file(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "old.jpg").write_bytes(bytes(1000))
    link(photos / "cats/1.jpg", tmp_path / "old.jpg")
    assert (tmp_path / "old.jpg").read_bytes() == b"cats/1.jpg"
