"""The report as one HTML page that needs nothing else: no network, no scripts, no other files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ppl.report.cite import bibtex, methods
from ppl.report.scatter import iterations, ladder
from ppl.report.summary import Summary
from ppl.report.table import Style, cells, evidence_lines
from ppl.report.table import learned as learned_rows

COLOURS = {"exact": "#1c7c3c", "good": "#1c7c3c", "fair": "#9a6700", "poor": "#b3261e"}

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif;
  color: #222; background: #fff; margin: 0; }
main { max-width: 1080px; margin: 0 auto; padding: 1.2rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0.4rem 0 0.8rem; overflow-wrap: anywhere; }
h2 { font-size: 1.12rem; margin: 2rem 0 0.6rem; }
nav { font-size: 0.92rem; margin: 0.6rem 0; }
nav a { display: inline-block; padding: 0.15rem 0; margin-right: 0.9rem; color: #2f6db3;
  text-decoration: none; }
.verdict { border-left: 6px solid var(--verdict); background: #f7f8fa; padding: 0.7rem 1rem;
  border-radius: 4px; }
.verdict b { color: var(--verdict); font-size: 1.1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.18rem 0.7rem; text-align: right; white-space: nowrap; }
th { border-bottom: 1px solid #bbb; font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
tbody tr:nth-child(even) { background: #f7f8fa; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 0.8rem; }
.plots.narrow { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
.plots svg { max-width: 100%; height: auto; }
details { margin: 0.6rem 0; }
pre { background: #f7f8fa; padding: 0.7rem 1rem; overflow-x: auto; border-radius: 4px;
  font-size: 0.88rem; }
.small { color: #555; font-size: 0.9rem; }
ul { margin: 0.3rem 0; padding-left: 1.2rem; }
summary { cursor: pointer; color: #2f6db3; }
@media print { nav { display: none; } details > * { display: block; } }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a heading, HTML, and the name by which links reach it."""

    anchor: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What a report page shows.

    Attributes
    ----------
    summary
        The report.
    text
        The model.
    diagram
        The plate diagram as SVG.
    posterior, pairs, checks
        Plots as SVG.
    reproduce
        Lines; the last is a command.
    cross_validation
        Leave-one-out in a sentence.
    """

    summary: Summary
    text: str
    diagram: str
    posterior: Sequence[str]
    checks: Sequence[str]
    reproduce: Sequence[str]
    cross_validation: str = ""
    pairs: Sequence[str] = ()


def page(content: Page) -> str:
    """Return the page as HTML."""
    summary = content.summary
    sections = [s for s in _sections(content) if s.body]
    links = "".join(f'<a href="#{s.anchor}">{escape(s.title)}</a>' for s in sections)
    body = "".join(
        f'<section id="{s.anchor}"><h2>{escape(s.title)}</h2>{s.body}</section>' for s in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(summary.model)}: {summary.verdict}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{escape(summary.model)}</h1>{_verdict(summary)}<nav>{links}</nav>"
        f"{body}</main></body></html>\n"
    )


def fragment(summary: Summary) -> str:
    """Return verdict and table for a notebook's cell."""
    return (
        f'<div><style scoped>{_scoped()}</style><div class="ppl">{_verdict(summary)}'
        f"{_table(summary)}{_learned(summary)}{_list(summary.notes)}</div></div>"
    )


def _scoped() -> str:
    """Return the few rules that a notebook's cell needs, for that cell alone."""
    return (
        ".ppl table { font-variant-numeric: tabular-nums; } .ppl td, .ppl th { text-align: right; }"
        " .ppl th:first-child, .ppl td:first-child { text-align: left; }"
        " .ppl .verdict b { color: var(--verdict); }"
    )


def _sections(content: Page) -> Iterable[Section]:
    summary = content.summary
    yield Section("table", "Posterior", _table(summary) + _learned(summary))
    yield Section("plots", "Plots", _plots(content.posterior) + _pairs(content.pairs))
    yield Section("checks", "Predictive check", _checks(content))
    yield Section("model", "Model", _model(content))
    yield Section("notes", "Notes", _list(summary.notes))
    yield Section("method", "How it was computed", _method(summary))
    yield Section("reproduce", "How to reproduce", _reproduce(content))
    yield Section("cite", "How to cite", _cite(summary))


def _verdict(summary: Summary) -> str:
    remedy = f"<div>{escape(summary.remedy)}</div>" if summary.remedy else ""
    colour = COLOURS[summary.verdict]
    lines = "<br>".join(map(escape, evidence_lines(summary)))
    return (
        f'<div class="verdict" style="--verdict:{colour}"><b>{summary.verdict}</b>: '
        f'{escape(summary.why)}{remedy}<div class="small">{lines}</div></div>'
    )


def _table(summary: Summary) -> str:
    shown = cells(summary.quantities, Style(rows=40))
    if not shown:
        return ""
    head, *rows = shown
    return (
        '<div class="scroll"><table><thead><tr>'
        + "".join(f"<th>{escape(c)}</th>" for c in head)
        + "</tr></thead><tbody>"
        + "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in r) + "</tr>" for r in rows)
        + "</tbody></table></div>"
    )


def _learned(summary: Summary) -> str:
    rows = learned_rows(summary.parameters, Style(rows=40))
    if not rows:
        return ""
    body = "".join(f"<tr><td>{escape(n)}</td><td>{escape(v)}</td></tr>" for n, v in rows)
    return (
        "<p>Learned parameters (point estimates)</p>"
        f'<div class="scroll"><table><tbody>{body}</tbody></table></div>'
    )


def _plots(plots: Sequence[str]) -> str:
    return f'<div class="plots">{"".join(plots)}</div>' if plots else ""


def _pairs(plots: Sequence[str]) -> str:
    if not plots:
        return ""
    return (
        "<details><summary>The strongest dependences</summary>"
        f'<div class="plots narrow">{"".join(plots)}</div></details>'
    )


def _checks(content: Page) -> str:
    if not content.checks and not content.cross_validation:
        return ""
    words = (
        '<p class="small">The data (red) and data that the fitted model makes (grey; for counts: '
        "median and central 90 %).</p>"
        if content.checks
        else ""
    )
    loo = f"<p>{escape(content.cross_validation)}</p>" if content.cross_validation else ""
    return words + _plots(content.checks) + loo


def _model(content: Page) -> str:
    roles = content.summary.roles
    names = "".join(
        f"<li>{word}: {escape(', '.join(found))}</li>"
        for word, found in (
            ("observed", tuple(roles.observed)),
            ("latent", tuple(roles.latent)),
            ("learned", tuple(p.name for p in content.summary.parameters)),
            ("unused", roles.unused),
        )
        if found
    )
    text = escape(content.text.strip("\n"))
    return f'<pre>{text}</pre><div class="scroll">{content.diagram}</div><ul>{names}</ul>'


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(i)}</li>" for i in items) + "</ul>" if items else ""


def _method(summary: Summary) -> str:
    rungs = "".join(
        f"<tr><td>{escape(r.name)}</td><td>{r.elbo:.2f}</td><td>{r.seconds:.2f}</td></tr>"
        for r in summary.rungs
    )
    table = (
        '<div class="scroll"><table><thead><tr><th>method</th><th>ELBO</th><th>seconds</th></tr>'
        f"</thead><tbody>{rungs}</tbody></table></div>"
        if rungs
        else ""
    )
    pictures = [p for p in (ladder(summary.rungs), iterations(summary.rungs)) if p]
    climb = "".join(f'<div class="scroll">{p}</div>' for p in pictures)
    compiled = f"<p>What the compiler did:</p>{_list(summary.compiled)}" if summary.compiled else ""
    return table + climb + compiled


def _reproduce(content: Page) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in content.reproduce[:-1]) + (
        f"<pre>{escape(content.reproduce[-1])}</pre>" if content.reproduce else ""
    )


def _cite(summary: Summary) -> str:
    papers = _list(methods([rung.name for rung in summary.rungs]))
    words = f'<p class="small">The methods:</p>{papers}' if papers else ""
    return f"<pre>{escape(bibtex(summary.version))}</pre>{words}"
