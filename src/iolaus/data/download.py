"""Brings a published data set into the user's data folder, once: as a whole or not at all.

Everything is made in a hidden folder beside the place where it belongs and moved there in one step at the end, so
whatever interrupts it (Ctrl-C, a lost connection, a kill), a folder that is there is complete. A lock lets one of
several processes do the work while the others wait.
"""

import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath

from filelock import FileLock

_DAMAGED = (tarfile.TarError, BadGzipFile, EOFError, zlib.error, lzma.LZMAError)
_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces
_CHUNK_SIZE = 1 << 16  # bytes


@dataclass(frozen=True)
class Download:
    """A published tar archive, or a single file, and where what it holds belongs.

    `title`      as people call the data: "CIFAR-10".
    `url`        of the archive; its last part is the archive's name.
    `md5`        of the archive, in hexadecimal digits.
    `laid_out`   what is there afterwards, relative to the root: a folder of the archive ("cifar-10-batches-bin"), or
                 the file itself if the URL ends in the same name ("ETT-small/ETTh1.csv").
    `meanwhile`  built-in data of the same kind, for who has no network: "digits".
    `max_bytes`  the most that the archive may unpack to.
    """

    title: str
    url: str
    md5: str
    laid_out: str
    meanwhile: str
    max_bytes: int = 2**30

    @property
    def name(self) -> str:
        return PurePosixPath(self.url).name

    @property
    def is_archive(self) -> bool:
        return PurePosixPath(self.laid_out).name != self.name


def ensure(download: Download, root: str | Path) -> Path:
    """The place under `root` where the data are laid out; downloaded and extracted first if they are not there yet.

    An archive that the user put into `root` is taken instead of a download, and left there.

    Raises:
        ValueError: there is no network, no room or no permission; the archive is damaged; or what it holds is unsafe.
    """
    root = Path(root)
    target = root / download.laid_out
    if target.exists():
        return target
    hidden = root / f".{PurePosixPath(download.laid_out).name}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{hidden}.lock"), _workplace(Path(f"{hidden}.partial")) as workplace:
            if not target.exists():  # another process may have laid it out while this one waited
                _lay_out(download, root, workplace)
    except OSError as error:
        raise ValueError(_sentence(download, root, error)) from error
    return target


def fetch(url: str, file: Path, *, md5: str) -> None:
    """Downloads to `file`, with a progress bar.

    Raises:
        OSError: the download failed; requests' errors are OSErrors too.
        ValueError: what was downloaded has another checksum.
    """
    import pooch  # here, because what is on the disk already is read without it

    plain = {"Accept-Encoding": "identity"}  # the checksum is of the file as it is, not as it was compressed on its way
    downloader = pooch.HTTPDownloader(progressbar=True, chunk_size=_CHUNK_SIZE, timeout=_TIMEOUT, headers=plain)
    try:
        pooch.retrieve(url, f"md5:{md5}", fname=file.name, path=file.parent, downloader=downloader)
    except ValueError as error:
        raise ValueError(
            f"What {url} sent is damaged or was changed (its md5 is not {md5}): try again or get {file.name} elsewhere."
        ) from error


def extract(archive: Path, folder: Path, *, max_bytes: int) -> None:
    """Extracts a tar archive into the new `folder`, or leaves none.

    Only plain files and folders with names that stay inside are accepted: no links, devices, absolute names or `..`.

    Raises:
        ValueError: the archive is damaged, holds something else, or unpacks to more than `max_bytes`.
    """
    assert not folder.exists()
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, members=_checked(tar, archive, max_bytes), filter="data")
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, _DAMAGED):
            raise ValueError(f"{archive} is damaged ({error}): delete it and get it again.") from error
        raise


def _lay_out(download: Download, root: Path, workplace: Path) -> None:
    made = workplace / "extracted" / download.laid_out if download.is_archive else workplace / download.name
    if download.is_archive:
        extract(_archive(download, root, workplace), workplace / "extracted", max_bytes=download.max_bytes)
    else:
        fetch(download.url, made, md5=download.md5)
    if not made.exists():
        raise ValueError(
            f"{download.name} holds no {download.laid_out}: it is not the {download.title} of {download.url}."
        )
    target = root / download.laid_out
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(made, target)


def _archive(download: Download, root: Path, workplace: Path) -> Path:
    """The archive that the user put into the root, or else a downloaded one."""
    given = root / download.name
    if not given.exists():
        fetch(download.url, workplace / download.name, md5=download.md5)
        return workplace / download.name
    if _md5(given) != download.md5:
        raise ValueError(
            f"{given} is damaged or incomplete (its md5 is not {download.md5}): "
            f"delete it and get it again from {download.url}."
        )
    return given


def _checked(tar: tarfile.TarFile, archive: Path, max_bytes: int) -> Iterator[tarfile.TarInfo]:
    num_bytes = 0
    for member in tar:
        path = PurePosixPath(member.name)
        if not (member.isfile() or member.isdir()):
            raise ValueError(f"{archive} holds {member.name!r}, which is neither a file nor a folder: do not use it.")
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{archive} holds {member.name!r}, which lies outside of it: do not use it.")
        num_bytes += tarfile.BLOCKSIZE + member.size  # the header counts too: a million empty files are a flood as well
        if num_bytes > max_bytes:
            raise ValueError(f"{archive} unpacks to more than {max_bytes / 2**20:.0f} MiB: do not use it.")
        yield member


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A new folder for what is in the making. What a killed process left there is removed; the lock is held."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _md5(file: Path) -> str:
    import pooch

    return pooch.file_hash(str(file), alg="md5")


def _sentence(download: Download, root: Path, error: OSError) -> str:
    place = root if download.is_archive else (root / download.laid_out).parent
    return (
        f"{download.title} is not in {root} and could not be fetched ({error.strerror or type(error).__name__}): "
        f"put {download.name} from {download.url} into {place}, say where it is with data.root=FOLDER, "
        f"or type data={download.meanwhile}, which is built in."
    )
