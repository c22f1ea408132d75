"""The text of a piece of HTML, and HTML of a text."""

import re
from html import escape, unescape
from html.parser import HTMLParser

_BLOCKS = frozenset("p div br li ul ol tr table h1 h2 h3 h4 h5 h6 section article blockquote hr".split())  # noqa: SIM905 - one line
_PRE, _END = "<pre>", "</pre>"


def text_of(html: str) -> str:
    """What one reads on the page, a line per block; broken HTML is read as well as it goes."""
    reader = _Text()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # html.parser gives up on a few kinds of broken declarations
        return " ".join(re.sub(r"<[^>]*>", " ", html).split())
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def html_of(text: str) -> str:
    """HTML that `text_kept` makes the same text of: paragraphs, or preformatted what they would not keep."""
    if not text:
        return ""
    escaped = escape(text, quote=False)
    paragraphs = escaped.replace("\n\n", "</p><p>").replace("\n", "<br>")
    html = f"<p>{paragraphs}</p>"
    return html if text_of(html) == text else f"{_PRE}{escaped}{_END}"


def text_kept(html: str) -> str:
    """The text that `html_of` was given; of other HTML what `text_of` reads."""
    if html.startswith(_PRE) and html.endswith(_END):
        return unescape(html.removeprefix(_PRE).removesuffix(_END))
    return text_of(html)


class _Text(HTMLParser):
    """Keeps the text and the breaks between blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - html.parser's signature
        self._hidden += tag in ("script", "style")
        self._break(tag)
        if tag == "li":
            self.parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0
        if tag != "li":
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")
