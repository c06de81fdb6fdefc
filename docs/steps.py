"""Show what each stage adds to the one before it.

``python docs/steps.py 4`` prints every line that stage 4 adds or changes;
without a number it prints ``docs/steps.md``, the four steps of the code.
"""

import sys
from difflib import unified_diff
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = {".py", ".html", ".js"}
TEXT = {*CODE, ".css", ".svg", ".md", ".flaskenv"}
MADE = {"instance", "__pycache__"}

WHY = {
    2: "The page gets a face: one template and new static files, and the program"
    " stays as it was.",
    3: "The page gets a memory: a form, what may be typed in it, and the visitor's"
    " own session to keep it.",
    4: "Each balance is shown in bitcoin: one call to Luno, shared by everyone, and"
    " never a price that is not known.",
    5: "The form is sent without a reload: one more way into the same function, and"
    " a script that writes the same rows.",
}


def files(stage, kinds):
    """Return a stage's files of these kinds, as lines by their path inside it."""
    folder = ROOT / f"stage-{stage}"
    return {
        path.relative_to(folder).as_posix(): path.read_text().splitlines()
        for path in sorted(folder.rglob("*"))
        if (path.suffix or path.name) in kinds and not MADE & {*path.parts}
    }


def step(stage, kinds):
    """Return the diff of the files of these kinds, as lines."""
    before, after = files(stage - 1, kinds), files(stage, kinds)
    lines = []
    for name in sorted(before.keys() | after.keys()):
        lines += unified_diff(
            before.get(name, []),
            after.get(name, []),
            f"stage-{stage - 1}/{name}",
            f"stage-{stage}/{name}",
            lineterm="",
        )
    return lines


def document():
    """Return ``docs/steps.md``."""
    lines = [
        "# The four steps",
        "",
        "What each stage adds to the one before it: the programs, templates and"
        " scripts, without styles and pictures.",
        "`make diff STAGE=4` shows all of a step, and `make steps` writes this page.",
    ]
    for stage, why in WHY.items():
        lines += ["", f"## Stage {stage}", "", why, "", "```diff"]
        lines += [*step(stage, CODE), "```"]
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(document())
    elif sys.argv[1] in map(str, WHY):
        print("\n".join(step(int(sys.argv[1]), TEXT)))
    else:
        sys.exit("Stages 2 to 5 add something: for example make diff STAGE=4.")
