"""Small XML dumps of a wiki, for tests that read them."""

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = {-1: "Special", 0: "", 1: "Talk", 4: "Wikipedia", 6: "File", 10: "Template", 14: "Category", 100: "Portal"}


def wiki_page(title: str, text: str = "", *, namespace: int = 0, redirect: str = "", extra: str = "") -> str:
    """A page as a dump holds it."""
    moved = f"<redirect title={quoteattr(redirect)} />" if redirect else ""
    return (
        f"  <page>\n    <title>{escape(title)}</title>\n    <ns>{namespace}</ns>\n    <id>1</id>\n    {moved}\n"
        f"    <revision>\n      <id>1</id>\n      <comment>see [[Elsewhere]]</comment>\n      <model>wikitext</model>\n"
        f'      <text xml:space="preserve">{escape(text)}</text>\n    </revision>{extra}\n  </page>\n'
    )


def wiki_dump(
    pages: Iterable[str], *, name: str = "testwiki", case: str = "first-letter", namespaces: dict[int, str] = NAMESPACES
) -> bytes:
    """A dump of pages."""
    listed = "".join(
        f'      <namespace key="{key}" case="{case}">{escape(own)}</namespace>\n' for key, own in namespaces.items()
    )
    head = (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">\n  <siteinfo>\n'
        f"    <dbname>{name}</dbname>\n    <case>{case}</case>\n    <namespaces>\n{listed}    </namespaces>\n"
        "  </siteinfo>\n"
    )
    return (head + "".join(pages) + "</mediawiki>\n").encode()


def make_wiki_dump(folder: Path, pages: Iterable[str], **site: str) -> Path:
    """A file that holds the dump."""
    path = folder / "wiki.xml"
    path.write_bytes(wiki_dump(pages, **site))  # type: ignore[arg-type]
    return path
