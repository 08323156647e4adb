"""A failure told as a page: what one sees, what `strongroom why` says, the change, and that it helps.

A test tells its story by running it. Every command goes through one bash session with the real AWS CLI
against a server of its own, and what was run and printed becomes a page of `docs/failures`. At the end
the page is compared with the committed one, so the pages cannot say what the program does not.

What differs from run to run (ids, keys, times, ports) is replaced by text of the same length, so that
lines break where they broke.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import pathlib
import re
import shlex

from .page import ROOT, Session
from .server import Server

PAGES = ROOT / "docs" / "failures"
REGENERATE = "cargo xtask failures"
COLUMNS_MAX = 80
A, B, C = "111111111111", "222222222222", "333333333333"
ADMINISTRATORS = {A: "AccountAadmin", B: "AccountBadmin", C: "AccountCadmin"}

# What the pages ask a reader to define once; the stories define it too.
HELPERS = """\
# keys_of USER ADMINISTRATOR: an access key for USER, as a profile with the user's name.
keys_of() {
  aws --profile "$2" iam create-access-key --user-name "$1" --output text \\
    --query 'AccessKey.[AccessKeyId,SecretAccessKey]' |
  while read -r id secret; do
    printf '[%s]\\naws_access_key_id = %s\\naws_secret_access_key = %s\\n' \\
      "$1" "$id" "$secret" >> "$AWS_SHARED_CREDENTIALS_FILE"
  done
}
# role_profile PROFILE ROLE-ARN SOURCE-PROFILE: the AWS CLI assumes the role by itself.
role_profile() {
  printf '\\n[profile %s]\\nrole_arn = %s\\nsource_profile = %s\\nrole_session_name = %s\\n' \\
    "$1" "$2" "$3" "$1" >> "$AWS_CONFIG_FILE"
}
"""


@dataclasses.dataclass(frozen=True)
class Failure:
    """One of the classic failures: which page tells it, and by which symptom one searches for it."""

    number: int
    name: str
    title: str
    symptom: str

    @property
    def page(self) -> str:
        """The page's file name."""
        return f"{self.number:02}-{self.name}.md"


class Why:
    """What `strongroom why --json` answered."""

    def __init__(self, answer: dict):
        self.answer = answer
        self.cause: str = answer["cause"]
        self.changes: list[dict] = answer["changes"]
        self.notes: list[str] = answer["notes"]
        self.request_id: str = answer["asked"].get("request_id", "")

    def sides(self) -> list[tuple[str, str]]:
        """Each side's account and what it says."""
        return [(side["account"], side["says"]) for side in self.answer["sides"]]

    def steps(self, change: int = 0) -> list[tuple[str | None, str]]:
        """Account and sentence of each step of a change."""
        return [(step["account"], step["what"]) for step in self.changes[change]["steps"]]

    def statement(
        self, account: str, kind: str = "nearest", layer: str | None = None
    ) -> tuple[str, str, int, list[str]]:
        """Policy, name and line of the first statement that matched or came nearest, and its failed clauses."""
        for side in self.answer["sides"]:
            for view in side["layers"] if side["account"] == account else []:
                if layer not in (None, view["title"]):
                    continue
                found = view.get("matched", []) if kind == "matched" else [view.get("nearest")]
                for statement in filter(None, found):
                    clauses = [clause["clause"] for clause in statement.get("failures", [])]
                    return statement["policy"], statement["name"], statement["line"], clauses
        raise AssertionError(f"no {kind} statement on the side of {account}: {self.answer['sides']}")


class Story:
    """Runs one failure and writes its page."""

    def __init__(self, failure: Failure, server: Server, directory: pathlib.Path):
        self.failure = failure
        self.server = server
        self.masks = Masks()
        pasted = server.printed(r"\n *export (AWS_CONFIG_FILE=.*)\n")
        variables = dict(assignment.split("=", 1) for assignment in pasted.split())
        variables.pop("AWS_PROFILE", None)
        self.session = Session(server, directory, variables)
        config = pathlib.Path(variables["AWS_CONFIG_FILE"])
        # Version 1 of the AWS CLI would make presigned URLs with signature version 2.
        config.write_text(
            re.sub(r"(?m)^(\[.*\])$", r"\1\ns3 =\n    signature_version = s3v4", config.read_text())
        )
        self._hidden(HELPERS)
        self.lines: list[str] = [f"# {failure.title}", ""]

    # --- text ---------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A paragraph, or several."""
        paragraphs = re.split(r"\n\s*\n", text.strip())
        for paragraph in paragraphs:
            self.lines += [" ".join(paragraph.split()), ""]

    def title(self, text: str) -> None:
        """A heading."""
        self.lines += [f"## {text}", ""]

    def block(self, language: str, text: str) -> None:
        """A block as it stands."""
        self.lines += [f"```{language}", *text.strip("\n").split("\n"), "```", ""]

    # --- commands -----------------------------------------------------------------------------

    def _hidden(self, command: str) -> str:
        status, printed = self.session.sh(command)
        assert status == 0, f"`{command}` ended with {status}:\n{printed}"
        return printed

    def run(self, command: str, shows: str | None = None) -> str:
        """Runs commands that must succeed; with `shows`, what they print stands in the page too."""
        command = dedented(command)
        # All of them: a set-up of which a part failed is none.
        status, printed = self.session.sh(f"set -e\n{command}set +e\n" if shows is None else command)
        assert status == 0, f"this must succeed, but ended with {status}:\n{command}\n{printed}"
        self.block("sh", self.masks(command))
        if shows is not None:
            got = self.masks(printed).strip()
            assert got == shows.strip(), f"expected\n{shows}\ngot\n{got}\nfrom {command}"
            if got:
                self.block("text", got)
        return printed

    def refused(self, command: str, told: str) -> str:
        """Runs a command that must be refused, and print exactly this."""
        command = dedented(command)
        status, printed = self.session.sh(command)
        assert status != 0, f"this must be refused, but it succeeded:\n{command}\n{printed}"
        got = self.masks(printed).strip()
        assert got == told.strip(), f"expected\n{told}\ngot\n{got}\nfrom {command}"
        self.block("sh", self.masks(command))
        self.block("text", got)
        return printed

    # --- explanations -------------------------------------------------------------------------

    def why(self, cause: str, status: int = 403, code: str = "AccessDenied", quiet: bool = False) -> Why:
        """`strongroom why --last`, which must name this cause; the page shows what it prints."""
        printed = self._hidden("strongroom why --last")
        why = Why(json.loads(self._hidden("strongroom why --last --json")))
        by_id = self._hidden(f"strongroom why {why.request_id}")
        assert by_id == printed, "by its id, the request is explained as by --last"
        self.masks(why.request_id)
        masked = self.masks(why.cause)
        assert masked == cause, f"expected the cause\n{cause}\ngot\n{masked}\n\n{printed}"
        told = why.answer["told"]
        assert (told["status"], told["code"]) == (status, code), told
        fits(printed)
        if not quiet:
            self.block("sh", "strongroom why --last")
            self.block("text", self.masks(printed))
        else:
            self.lines += [f"> {masked}", ""]
        return why

    def can(self, question: str, allowed: bool, shown: bool = True) -> list[dict]:
        """`strongroom can …` must answer so; the page shows how each step was answered."""
        question = " ".join(question.split())
        status, printed = self.session.sh(f"strongroom can {question} --json")
        assert status == (0 if allowed else 1), f"strongroom can {question}\n{printed}"
        answer = json.loads(printed)
        assert answer["allowed"] is allowed, printed
        if shown:
            _, answers = self.session.sh(f"strongroom can --brief {question}")
            self.block("sh", self.masks(wrapped(f"strongroom can --brief {question}")))
            self.block("text", self.masks(answers))
        return answer["steps"]

    def last(self, options: str = "") -> str:
        """What `strongroom why --last` prints now, as the page shows it."""
        return self.masks(self._hidden(f"strongroom why --last {options}"))

    def printed_by_can(self, question: str) -> str:
        """What `strongroom can` prints to a question that is allowed, as the page shows it."""
        return self.masks(self._hidden(f"strongroom can {question}"))

    def asks(self, question: str) -> list[dict]:
        """`strongroom can …` whole, which must be refused; the page shows its last step."""
        question = " ".join(question.split())
        status, printed = self.session.sh(f"strongroom can {question}")
        assert status == 1, printed
        fits(printed)
        self.block("sh", self.masks(wrapped(f"strongroom can {question}")))
        self.block("text", self.masks(printed))
        return self.can(question, allowed=False, shown=False)

    def apply(self, why: Why, change: int = 0) -> None:
        """Does each step of a change exactly as it was given, as the account that it names."""
        self.apply_steps(why.changes[change]["steps"])

    def apply_steps(self, steps: list[dict]) -> None:
        """Does each of the steps as the administrator of its account."""
        for step in steps:
            command, account = step.get("command"), step["account"]
            if account is None:
                continue
            assert command, f"no command in {step}"
            as_administrator = f"( export AWS_PROFILE={ADMINISTRATORS[account]}\n{command}\n)"
            status, printed = self.session.sh(as_administrator)
            assert status == 0, f"the proposed command ended with {status}:\n{command}\n{printed}"

    def keeps_secrets(self, of: dict[str, list[str]], to: tuple[str, ...] | None = None) -> None:
        """`why --for-account` never tells one account what is the other's: `of` lists that by account."""
        for account in to or of:
            for form in ("", " --json"):
                seen = self._hidden(f"strongroom why --last --for-account {account}{form}")
                for other, secrets in of.items():
                    for secret in secrets if other != account else []:
                        assert secret not in seen, f"{account} is told {secret!r} of {other}:\n{seen}"
            fits(self._hidden(f"strongroom why --last --for-account {account}"))

    # --- the page -----------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The page."""
        note = f"<!-- Written by the tests: change tests/failures and run `{REGENERATE}`. -->"
        return "\n".join([note, "", *self.lines]).rstrip("\n") + "\n"

    def finish(self) -> None:
        """Compares the page with the committed one, or writes it."""
        settle(PAGES / self.failure.page, self.text)


def settle(path: pathlib.Path, text: str) -> None:
    """The file must hold this text; when pages are being made, it is written."""
    if os.environ.get("STRONGROOM_WRITE_PAGES") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    old = path.read_text() if path.exists() else ""
    if old != text:
        name = str(path.relative_to(ROOT))
        lines = difflib.unified_diff(
            old.splitlines(), text.splitlines(), f"{name} as committed", f"{name} as it happened", lineterm=""
        )
        raise AssertionError("\n".join([*lines, "", f"If that is right now: {REGENERATE}"]))


def fits(printed: str) -> None:
    """Nothing that could be broken is wider than a terminal; a single long word, a value or a command may be."""
    in_command = False
    for line in printed.splitlines():
        in_command = in_command or line.startswith("aws ")
        if not line.strip() or line.startswith(("Also", "  Or,")):
            in_command = False
        if in_command or len(line) <= COLUMNS_MAX:
            continue
        words = line.split()
        value = re.match(r"^ +(wants|given)?\s+\S+$", line) or line.lstrip().startswith('"')
        assert value or len(words) <= 2, f"{len(line)} columns: {line}\n\n{printed}"


def dedented(text: str) -> str:
    """Text without the indentation of the source that it stands in, ending with a line feed."""
    lines = text.strip("\n").rstrip().split("\n")
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    cut = min(indents, default=0)
    return "\n".join(line[cut:] for line in lines) + "\n"


def wrapped(command: str) -> str:
    """A command over several lines: each option begins one where it would get too long."""
    if len(command) <= 76:
        return command
    return re.sub(r" (--(?:do|on|with|through|key|session-policy)\b)", r" \\\n  \1", command)


def document(*statements: dict) -> str:
    """A policy as an argument of the shell, laid out to be read."""
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
    return shlex.quote(text)


class Masks:
    """Replaces what is random by text of the same length; the same text by the same."""

    KINDS = [
        (r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b", lambda old, n: f"{old[:4]}EXAMPLEKEYID{n:04}"),
        (r"\b(?:AIDA|AROA|AGPA|ANPA)[A-Z2-7]{17}\b", lambda old, n: f"{old[:4]}EXAMPLEUNIQUE{n:04}"),
        (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", lambda _, n: f"00000000-0000-4000-8000-{n:012}"),
        (r"\b[0-9a-f]{64}\b", lambda _, n: f"{n:064x}"),
        (r"\b(?!EXAMPLE)[A-Z0-9]{16}\b", lambda _, n: f"EXAMPLEREQUEST{n:02}"),
    ]
    TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
    PORT = re.compile(r"\b127\.0\.0\.1:\d+")

    def __init__(self):
        self.known: list[dict[str, str]] = [{} for _ in self.KINDS]

    def __call__(self, text: str) -> str:
        for (pattern, make), known in zip(self.KINDS, self.known):

            def masked(found: re.Match, make=make, known=known) -> str:
                old = found.group()
                if old not in known.values():
                    return known.setdefault(old, make(old, len(known) + 1))
                return old

            text = re.sub(pattern, masked, text)
        text = self.TIME.sub(lambda found: "2026-01-02T03:04:05" + re.sub(r"\d", "0", found.group(1) or ""), text)
        return self.PORT.sub("127.0.0.1:9000", text)
