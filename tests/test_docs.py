"""The examples of docs/api.md, run as they stand there, top to bottom."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_example_of_the_api_document_runs() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    scope: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) > 5
    for example in examples:
        line = text[: text.index(example)].count("\n")
        exec(compile("\n" * line + example, "docs/api.md", "exec"), scope)
