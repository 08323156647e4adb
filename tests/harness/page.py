"""Runs the pages under docs/walkthroughs as a reader would: every block, in order, in one shell.

A page is Markdown. The first word after the fence says what a block is:

    ```sh              run in the page's one bash session; must end with 0
    ```sh refused      the same, but its last command must fail
    ```sh reader       only for a reader (starting the server); the tests have done this already
    ```output          what the block before it must print, standard output and errors together,
                       in the language of `harness.pattern`
    ```java file=NAME  a program that is tested as well: equal to the file of that name among the sources
                       of tests/sdks/java-v1. A reader saves it as /tmp/NAME, and so do the tests
    ```mermaid, ```json, ```text    shown, not run

A block with no output block after it may print anything. Other languages are run by who registers
them in RUNNERS; a page with a block that nobody can run fails.

`/tmp/` in a block becomes a directory of this run, so that two runs never meet.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import time
from collections.abc import Callable

from .aws import client_environment
from .pattern import Differs, compare
from .server import Server, binary

BLOCK_SECONDS_MAX = 300
ROOT = pathlib.Path(__file__).resolve().parents[2]
JAVA_SOURCES = ROOT / "tests" / "sdks" / "java-v1" / "src" / "main" / "java"
SHOWN = {"mermaid", "json", "text", "output"}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`]*)$")


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    words: tuple[str, ...]
    text: str
    output: str | None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


class PageFailed(AssertionError):
    """A block did not do what its page says."""


def read_page(path: pathlib.Path) -> list[Block]:
    """The blocks of a page, each joined with the output block that follows it."""
    fenced: list[Block] = []
    opened: tuple[int, str, list[str]] | None = None
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            opened = (number, fence["info"].strip(), [])
        elif opened is not None and fence and not fence["info"].strip():
            start, info, lines = opened
            words = info.split() or ["text"]
            fenced.append(
                Block(path.name, start, words[0], tuple(words[1:]), "\n".join(lines) + "\n", None)
            )
            opened = None
        elif opened is not None:
            opened[2].append(line)
    if opened is not None:
        raise PageFailed(f"{path.name}:{opened[0]}: the block is never closed")
    blocks: list[Block] = []
    for block in fenced:
        if block.language != "output":
            blocks.append(block)
        elif blocks and blocks[-1].language not in SHOWN and blocks[-1].output is None:
            blocks[-1] = dataclasses.replace(blocks[-1], output=block.text)
        else:
            raise PageFailed(f"{block.place}: no block stands before this output")
    return blocks


class Session:
    """One bash that runs all blocks of a page; variables and directory stay from block to block."""

    def __init__(self, server: Server, directory: pathlib.Path, variables: dict[str, str]):
        self.server = server
        self.directory = directory
        self.scratch = directory / "tmp"
        self.scratch.mkdir(parents=True)
        self.names: dict[str, str] = {}
        environment = client_environment(server, directory / "home") | variables
        # A reader calls the program by its name.
        programs = directory / "programs"
        programs.mkdir()
        (programs / "strongroom").symlink_to(binary())
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
        environment["TMPDIR"] = str(self.scratch)
        environment["STRONGROOM_SOURCE"] = str(ROOT)
        self.environment = environment
        self._statuses, statuses_written = os.pipe()
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(statuses_written,),
            env=environment,
            cwd=self.scratch,
        )
        self._status_descriptor = statuses_written
        os.close(statuses_written)
        os.set_blocking(self._statuses, False)
        self._count = 0

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait()
        if self._shell.stdin:
            self._shell.stdin.close()
        os.close(self._statuses)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def sh(self, text: str, seconds: float = BLOCK_SECONDS_MAX) -> tuple[int, str]:
        """Runs text in the session; answers the status of its last command and what it printed."""
        self._count += 1
        script = self.directory / f"block-{self._count:03}.sh"
        printed = self.directory / f"block-{self._count:03}.out"
        script.write_text(text.replace("/tmp/", f"{self.scratch}/"))
        assert self._shell.stdin is not None
        line = f". '{script}' >'{printed}' 2>&1 </dev/null; echo $? >&{self._status_descriptor}\n"
        self._shell.stdin.write(line.encode())
        self._shell.stdin.flush()
        answer, deadline = b"", time.monotonic() + seconds
        while not answer.endswith(b"\n"):
            try:
                answer += os.read(self._statuses, 64)
            except BlockingIOError:
                time.sleep(0.01)
            if self._shell.poll() is not None:
                raise PageFailed(f"the shell ended:\n{printed.read_text(errors='replace')}")
            if time.monotonic() > deadline:
                raise PageFailed(
                    f"still running after {seconds} s:\n{printed.read_text(errors='replace')}"
                )
        # A reader's paths are /tmp/…, so the output is told in those.
        # Bytes are decoded by hand: reading as text would turn carriage returns into new lines.
        output = printed.read_bytes().decode(errors="replace").replace(f"{self.scratch}/", "/tmp/")
        return int(answer), output


def _save_java(session: Session, block: Block) -> tuple[int, str]:
    """Puts a Java program where a reader would save it."""
    names = [word.removeprefix("file=") for word in block.words if word.startswith("file=")]
    if len(names) != 1:
        raise PageFailed(f"{block.place}: a block of Java needs one file=NAME")
    source = JAVA_SOURCES / names[0]
    if not source.is_file() or source.read_text() != block.text:
        raise PageFailed(f"{block.place}: this is not what stands in {source.relative_to(ROOT)}")
    (session.scratch / names[0]).write_text(block.text)
    return 0, ""


Runner = Callable[[Session, Block], tuple[int, str]]
"""Runs one block and answers its status (0 is success) and what it printed."""

RUNNERS: dict[str, Runner] = {
    "sh": lambda session, block: session.sh(block.text),
    "java": _save_java,
}
"""Language of a block to what runs it. To run another language, add an entry."""


def run_page(path: pathlib.Path, session: Session) -> int:
    """Runs every block of a page and answers how many ran."""
    ran = 0
    for block in read_page(path):
        if block.language in SHOWN or "reader" in block.words:
            continue
        if block.language not in RUNNERS:
            raise PageFailed(f"{block.place}: nothing runs a block of `{block.language}`")
        status, printed = RUNNERS[block.language](session, block)
        ran += 1
        _check(block, status, printed, session.names)
    if ran == 0:
        raise PageFailed(f"{path.name}: the page has no block to run")
    return ran


def _check(block: Block, status: int, printed: str, names: dict[str, str]) -> None:
    story = f"\n--- block ---\n{block.text}--- printed (status {status}) ---\n{printed}"
    if "refused" in block.words and status == 0:
        raise PageFailed(f"{block.place}: this must be refused, but it succeeded{story}")
    if "refused" not in block.words and status != 0:
        raise PageFailed(f"{block.place}: this must succeed, but ended with {status}{story}")
    if block.output is not None:
        try:
            compare(block.output, printed, names)
        except Differs as difference:
            raise PageFailed(f"{block.place}: {difference}{story}") from None
