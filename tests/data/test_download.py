"""Downloads arrive whole or not at all, whatever interrupts them, and hostile archives leave nothing behind."""

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from iolaus.data import download
from iolaus.data.download import Download, ensure, extract

LIMIT = 2**20


class Server:
    """Sends one body to whoever asks; half of it while `cuts` is set."""

    def __init__(self, body: bytes) -> None:
        self.body, self.cuts, self.num_requests = body, False, 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.num_requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.body)))
                self.end_headers()
                self.wfile.write(server.body[: len(server.body) // 2] if server.cuts else server.body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/{name}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return body.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


ARCHIVE = tar_of((member("flowers/a.txt"), b"rose"), (member("flowers/in/b.txt"), bytes(range(256)) * 400))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(ARCHIVE)
    yield server
    server.close()


def flowers(server: Server, *, body: bytes = ARCHIVE, laid_out: str = "flowers", name: str = "f.tar.gz") -> Download:
    return Download("Flowers", server.url(name), hashlib.md5(body).hexdigest(), laid_out, "digits", LIMIT)


def visible(root: Path) -> list[str]:
    """What is in the folder and under it; the lock, which is empty and stays, is not counted."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.suffix != ".lock")


def test_it_is_laid_out_once(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "new" / "root"
    for _ in range(2):
        assert ensure(flowers(server), root) == root / "flowers"
        assert (root / "flowers/a.txt").read_text() == "rose"
        assert (root / "flowers/in/b.txt").stat().st_size == 102_400
        assert visible(root) == ["flowers", "flowers/a.txt", "flowers/in", "flowers/in/b.txt"]
    assert server.num_requests == 1


def test_what_is_there_is_used_as_it_is(server: Server, tmp_path: Path) -> None:
    (tmp_path / "flowers").mkdir()
    assert ensure(flowers(server), str(tmp_path)) == tmp_path / "flowers"
    assert server.num_requests == 0
    assert [path.name for path in tmp_path.iterdir()] == ["flowers"]


def test_an_archive_that_the_user_put_there_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.tar.gz").write_bytes(ARCHIVE)
    assert (ensure(flowers(server), tmp_path) / "a.txt").read_text() == "rose"
    assert (tmp_path / "f.tar.gz").exists()
    assert server.num_requests == 0


def test_a_damaged_archive_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.tar.gz").write_bytes(ARCHIVE[:-100])
    with pytest.raises(ValueError, match=r"f\.tar\.gz is damaged or incomplete .*: delete it and get it again"):
        ensure(flowers(server), tmp_path)
    assert visible(tmp_path) == ["f.tar.gz"]


def test_a_single_file_needs_no_archive(server: Server, tmp_path: Path) -> None:
    server.body = b"date,OT\n"
    file = ensure(flowers(server, body=server.body, laid_out="small/oil.csv", name="oil.csv"), tmp_path)
    assert file == tmp_path / "small/oil.csv"
    assert file.read_bytes() == server.body
    assert visible(tmp_path) == ["small", "small/oil.csv"]


def test_a_lost_connection_leaves_nothing_and_the_next_try_succeeds(server: Server, tmp_path: Path) -> None:
    server.cuts = True
    with pytest.raises(ValueError, match=r"Flowers is not in .* and could not be fetched"):
        ensure(flowers(server), tmp_path)
    assert visible(tmp_path) == []
    server.cuts = False
    assert (ensure(flowers(server), tmp_path) / "a.txt").exists()


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.body = ARCHIVE[:-1] + b"x"
    with pytest.raises(ValueError, match=r"What http://127.* sent is damaged or was changed"):
        ensure(flowers(server), tmp_path)
    assert visible(tmp_path) == []


def test_without_network_the_sentence_says_what_to_put_where(server: Server, tmp_path: Path) -> None:
    wanted = flowers(server)
    server.http.server_close()
    with pytest.raises(ValueError, match="could not be fetched") as failure:
        ensure(wanted, tmp_path)
    sentence = str(failure.value)
    assert f"put f.tar.gz from {wanted.url} into {tmp_path}" in sentence
    assert "data=digits" in sentence
    assert sentence.count("\n") == 0


def test_an_archive_of_something_else_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"f\.tar\.gz holds no trees"):
        ensure(flowers(server, laid_out="trees"), tmp_path)
    assert visible(tmp_path) == []


@pytest.mark.parametrize("moment", ["fetch", "extract", "replace"])
def test_ctrl_c_leaves_nothing_and_the_next_try_succeeds(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def half_an_archive(_url: str, file: Path, **_: object) -> None:
        file.write_bytes(ARCHIVE[:50])
        raise KeyboardInterrupt

    def half_the_members(tar: tarfile.TarFile, *_: object) -> Iterator[tarfile.TarInfo]:
        yield tar.getmembers()[0]
        raise KeyboardInterrupt

    def no_move(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if moment == "fetch":
            patch.setattr(download, "fetch", half_an_archive)
        elif moment == "extract":
            patch.setattr(download, "_checked", half_the_members)
        else:
            patch.setattr(download.os, "replace", no_move)
        with pytest.raises(KeyboardInterrupt):
            ensure(flowers(server), tmp_path)
    assert visible(tmp_path) == []
    assert (ensure(flowers(server), tmp_path) / "a.txt").exists()


def test_what_a_killed_process_left_is_cleared_away(server: Server, tmp_path: Path) -> None:
    junk = tmp_path / ".flowers.partial" / "extracted" / "flowers"
    junk.mkdir(parents=True)
    (junk / "a.txt").write_text("ro")
    ensure(flowers(server), tmp_path)
    assert visible(tmp_path) == ["flowers", "flowers/a.txt", "flowers/in", "flowers/in/b.txt"]
    assert (tmp_path / "flowers/a.txt").read_text() == "rose"


def test_of_several_processes_one_downloads(server: Server, tmp_path: Path) -> None:
    program = f"from iolaus.data.download import *; print(ensure({flowers(server)!r}, {str(tmp_path)!r}))"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == [str(tmp_path / "flowers")] * 3
    assert server.num_requests == 1
    assert visible(tmp_path) == ["flowers", "flowers/a.txt", "flowers/in", "flowers/in/b.txt"]


HOSTILE = {
    "climbs out": ((member("../outside.txt"), b"x"), "outside"),
    "climbs out midway": ((member("flowers/../../outside.txt"), b"x"), "outside"),
    "absolute": ((member("/tmp/iolaus-outside.txt"), b"x"), "outside"),
    "symbolic link": ((member("flowers/link", tarfile.SYMTYPE, "/etc/passwd"), b""), "neither a file nor a folder"),
    "link inside": ((member("flowers/link", tarfile.SYMTYPE, "a.txt"), b""), "neither a file nor a folder"),
    "hard link": ((member("flowers/link", tarfile.LNKTYPE, "flowers/a.txt"), b""), "neither a file nor a folder"),
    "device": ((member("flowers/null", tarfile.CHRTYPE), b""), "neither a file nor a folder"),
    "pipe": ((member("flowers/pipe", tarfile.FIFOTYPE), b""), "neither a file nor a folder"),
    "too large": ((member("flowers/zeros"), bytes(LIMIT)), "unpacks to more than 1 MiB"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_leaves_nothing(tmp_path: Path, name: str) -> None:
    evil, reason = HOSTILE[name]
    archive, folder = tmp_path / "evil.tar.gz", tmp_path / "in" / "new"
    folder.parent.mkdir()
    archive.write_bytes(tar_of((member("flowers/a.txt"), b"rose"), evil))
    with pytest.raises(ValueError, match=rf"evil\.tar\.gz .*{reason}"):
        extract(archive, folder, max_bytes=LIMIT)
    assert visible(tmp_path) == ["evil.tar.gz", "in"]
    assert not Path("/tmp/iolaus-outside.txt").exists()


def test_a_flood_of_empty_files_is_too_large(tmp_path: Path) -> None:
    archive = tmp_path / "flood.tar.gz"
    archive.write_bytes(tar_of(*((member(f"flowers/{number}"), b"") for number in range(50))))
    with pytest.raises(ValueError, match="unpacks to more than"):
        extract(archive, tmp_path / "new", max_bytes=20_000)
    assert visible(tmp_path) == ["flood.tar.gz"]


# Named, because an archive's bytes hold the second it was made in, and two test workers may not agree on it.
@pytest.mark.parametrize(
    "body",
    [ARCHIVE[:60], ARCHIVE[: len(ARCHIVE) // 2], b"not a tar at all", b""],
    ids=["header", "half", "text", "empty"],
)
def test_a_torn_archive_leaves_nothing(tmp_path: Path, body: bytes) -> None:
    archive = tmp_path / "torn.tar.gz"
    archive.write_bytes(body)
    with pytest.raises(ValueError, match=r"torn\.tar\.gz is damaged"):
        extract(archive, tmp_path / "new", max_bytes=LIMIT)
    assert visible(tmp_path) == ["torn.tar.gz"]
