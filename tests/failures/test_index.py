"""The index of the pages."""

from __future__ import annotations

import re

from classics import CLASSICS
from harness.story import HELPERS, PAGES, REGENERATE, settle

INTRODUCTION = """\
# The classic failures

What goes wrong between accounts, by the symptom that one sees. Each page shows the failure with AWS's own
client, what `strongroom why` says about it, the change, and the same call after it.

| | symptom | page |
| --- | --- | --- |
"""

BEFORE = """
## To follow a page

Start a server with the accounts to play with, in a terminal of its own, and paste the line that it prints
into a second one, without its `AWS_PROFILE`. Take fresh data for each page: names of buckets are global.

```sh
strongroom serve --dev --data /tmp/strongroom-failures
```

```sh
export STRONGROOM_DATA=/tmp/strongroom-failures
export AWS_ENDPOINT_URL=http://127.0.0.1:9000 AWS_DEFAULT_REGION=us-east-1
export AWS_SHARED_CREDENTIALS_FILE=/tmp/failures-credentials
```

Two helpers, which the pages use:

"""

AFTER = """
Request ids, access keys, unique ids and times are other ones each time; the pages show examples in their
place.

The pages are written by the tests in `tests/failures`, which run every command in them and compare what it
prints. `{regenerate}` writes them anew.
"""


def test_the_index_lists_every_failure():
    """The table is made from the same list as the pages."""
    note = f"<!-- Written by the tests: change tests/failures and run `{REGENERATE}`. -->\n\n"
    rows = [f"| {each.number} | {each.symptom} | [{each.title}]({each.page}) |" for each in CLASSICS]
    helpers = f"```sh\n{HELPERS}```\n"
    text = note + INTRODUCTION + "\n".join(rows) + "\n" + BEFORE + helpers + AFTER.format(regenerate=REGENERATE)
    settle(PAGES / "README.md", text)


def test_no_page_is_left_over_and_no_link_leads_nowhere():
    """Every page has a failure, and the other way round."""
    pages = {path.name for path in PAGES.glob("*.md")}
    assert pages == {each.page for each in CLASSICS} | {"README.md"}
    for path in PAGES.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert (PAGES / link).is_file(), f"{path.name} links to {link}"
