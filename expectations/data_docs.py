"""Great Expectations' Data Docs as pages that need no network."""

import re
from pathlib import Path

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content-Security-Policy of nightshift's HTML pages: nothing runs, and nothing is asked of any host."""
STYLE = (
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    + """<style>body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:75rem;padding:0 1rem;color:#1d2433}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #e1e5ec;padding:.35rem .6rem;text-align:left;
vertical-align:top}.status-success,.text-success{color:#1d7f4e}.status-failed,.text-danger{color:#b3261e}
i.fa-check-circle::before{content:"\\2713"}i.fa-times::before{content:"\\2717"}i.fa-exclamation-triangle::before{content:"!"}
footer,.sticky>.card,a[data-toggle=collapse],.popover,.modal,#ge-cta-footer,.tooltip,iframe{display:none}ul{padding-left:1.2rem}img{max-width:9rem}
a{color:#2457a6}.badge{background:#eef1f6;border-radius:.3rem;padding:0 .4rem}</style>"""
)
INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>{style}</head><body>
<h1>Data Docs</h1><table><tr><th>Suite</th><th>Validation result</th><th>Expectations</th></tr>
{rows}
</table></body></html>"""
INDEX_ROW = (
    '<tr><td>{suite}</td><td><a href="{result}">result</a></td><td><a href="{expectations}">expectations</a></td></tr>'
)
REMOTE = re.compile(r"<script\b[^>]*>.*?</script>|<link\b[^>]*>|<img\b[^>]*https?:[^>]*>", re.DOTALL)
"""Elements by which Great Expectations' pages fetch from third parties."""


def make_self_contained(docs: Path, suites: list[str]) -> None:
    """Rewrite the pages in `docs` so that they fetch nothing, with a style of their own.

    Great Expectations fills the table of its index by a script; this index links the pages of each suite.
    """
    for page in docs.rglob("*.html"):
        text = REMOTE.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("<head>", "<head>" + STYLE, 1), encoding="utf-8")
    rows = [
        INDEX_ROW.format(
            suite=suite,
            result=_page(docs, f"validations/{suite}/**/*.html"),
            expectations=_page(docs, f"expectations/{suite}.html"),
        )
        for suite in suites
    ]
    (docs / "index.html").write_text(INDEX.format(style=STYLE, rows="\n".join(rows)), encoding="utf-8")


def _page(docs: Path, pattern: str) -> str:
    return next(docs.glob(pattern)).relative_to(docs).as_posix()
