"""What MkDocs needs to know of this project: its navigation, its colours, pages from elsewhere.

MkDocs calls the functions `on_...` while it builds the site (`hooks` in `mkdocs.yml`). A page in a
folder of the navigation slots in by itself; one that the navigation names and that is not there is
left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
ELSEWHERE = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages that are files of the project's own folder."""


def on_config(config: Any) -> Any:
    """Fill in the navigation, and make the lexer known where the project is not installed."""
    from pygments.lexers import LEXERS

    LEXERS["PplLexer"] = ("ppl.highlight", "ppl", ("ppl",), ("*.ppl",), ())
    config.nav = filled(config.nav)
    return config


def filled(nav: list[Any]) -> list[Any]:
    """Return a navigation with folders written out and without pages that are not there."""
    found: list[Any] = []
    for item in nav:
        match item:
            case str() if item.endswith("/*"):
                found.extend(in_folder(item.removesuffix("/*")))
            case str():
                found.extend([item] if exists(item) else [])
            case dict():
                ((title, inside),) = item.items()
                if isinstance(inside, list):
                    found.extend([{title: kept}] if (kept := filled(inside)) else [])
                elif exists(inside):
                    found.append(item)
    return found


def in_folder(folder: str) -> list[str]:
    """Return the pages of a folder: its index, then the others by name."""
    pages = sorted((FOLDER / folder).glob("*.md"), key=lambda p: (p.name != "index.md", p.name))
    return [page.relative_to(FOLDER).as_posix() for page in pages]


def exists(page: str) -> bool:
    """Tell whether a page is there."""
    return page in ELSEWHERE or (FOLDER / page).exists()


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in the folder of the documents."""
    for page, name in ELSEWHERE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=relinked(text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Take away links to what is not part of the site."""
    return unlinked(markdown)


def relinked(text: str) -> str:
    """Return a text of the project's own folder as a page of the site."""
    return text.replace("](docs/", "](")


def unlinked(text: str) -> str:
    """Return a text in which links that leave the folder of the documents are words."""
    inside = re.sub(r"\[([^\]]+)\]\(\.\./(?:\.\./)*(?!\w[\w-]*\.md)[^)]*\)", r"\1", text)
    return re.sub(r"\[([^\]]+)\]\((?:README\.md|examples)[^)]*\)", r"\1", inside)
