"""The protocol: texts come in, diagnostics go out, questions are answered.

Every answer is made by a plain function of its own module; here values only change their form.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

import ppl
from ppl import pipeline
from ppl.lsp import completion, hover, symbols
from ppl.lsp.analysis import Analysis, analyse
from ppl.lsp.positions import UTF16, to_offset, to_place, units
from ppl.syntax.format import format_tree
from ppl.syntax.parse import parse
from ppl.text import Diagnostic, PplError, Source, Span

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
KINDS = {
    "distribution": types.CompletionItemKind.Class,
    "function": types.CompletionItemKind.Function,
    "variable": types.CompletionItemKind.Variable,
    "dimension": types.CompletionItemKind.Constant,
    "set": types.CompletionItemKind.Enum,
    "keyword": types.CompletionItemKind.Keyword,
    "option": types.CompletionItemKind.Property,
}
SYMBOLS = {
    "dimension": types.SymbolKind.Constant,
    "function": types.SymbolKind.Function,
    "data": types.SymbolKind.Field,
    "parameter": types.SymbolKind.Property,
    "random": types.SymbolKind.Variable,
    "computed": types.SymbolKind.Number,
}
DIAGRAM = "ppl.diagram"
"""The command that returns the plate diagram of a document as SVG; its argument is the address."""

_MEANT = re.compile(r"^did you mean `([^`]+)`\?$")


class Server(LanguageServer):
    """The server, with the last analysis of every open document."""

    def __init__(self) -> None:
        super().__init__("ppl", ppl.__version__)
        self.analyses: dict[str, Analysis] = {}

    def analysis(self, uri: str) -> Analysis:
        """Return the analysis of a document as it is now."""
        text = self.workspace.get_text_document(uri).source
        source = source_of(uri, text)
        known = self.analyses.get(uri)
        if known is None or known.source.text != source.text:
            self.analyses[uri] = known = analyse(source, known)
        return known

    def offset(self, analysis: Analysis, position: types.Position) -> int:
        """Return a position as an offset in characters."""
        return to_offset(analysis.source, position.line, position.character, self.encoding)

    def range(self, source: Source, span: Span) -> types.Range:
        """Return a part of the text as the protocol has it."""
        first, last = (to_place(source, place, self.encoding) for place in (span.start, span.end))
        return types.Range(types.Position(*first), types.Position(*last))

    @property
    def encoding(self) -> str:
        """The encoding whose units columns count."""
        found = self.workspace.position_encoding
        return found.value if isinstance(found, types.PositionEncodingKind) else found or UTF16

    def whole(self, uri: str) -> types.Range:
        """Return the range of a whole document."""
        lines = self.workspace.get_text_document(uri).source.split("\n")
        end = types.Position(len(lines) - 1, units(lines[-1], self.encoding))
        return types.Range(types.Position(0, 0), end)

    def publish(self, uri: str) -> None:
        """Send the diagnostics of a document."""
        analysis = self.analysis(uri)
        found = [self.diagnostic(uri, analysis.source, d) for d in analysis.diagnostics]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))

    def diagnostic(self, uri: str, source: Source, found: Diagnostic) -> types.Diagnostic:
        """Return a diagnostic as the protocol has it; one without a place stands at the top."""
        span = Span(0, 0) if found.primary is None else found.primary.span
        words = [found.message]
        if found.primary is not None and found.primary.text:
            words.append(found.primary.text)
        if found.help is not None:
            words.append(f"help: {found.help}")
        related = [
            types.DiagnosticRelatedInformation(
                types.Location(uri, self.range(source, label.span)), label.text or "see here"
            )
            for label in found.secondary
        ]
        meant = _MEANT.match(found.primary.text) if found.primary is not None else None
        return types.Diagnostic(
            self.range(source, span),
            "\n".join(words),
            severity=SEVERITIES[found.severity],
            code=found.code,
            source="ppl",
            related_information=related or None,
            data={"meant": meant[1]} if meant else None,
        )


def source_of(uri: str, text: str) -> Source:
    """Return a document's text as the compiler takes it; lines and columns stay the same."""
    name = PurePosixPath(unquote(urlsplit(uri).path)).name or "model.ppl"
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"))


def make_server() -> Server:
    """Return a server that answers all that it offers."""
    server = Server()
    _documents(server)
    _questions(server)
    _changes(server)
    return server


def _documents(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
        ls.publish(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
        ls.publish(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
        ls.analyses.pop(params.text_document.uri, None)
        nothing = types.PublishDiagnosticsParams(params.text_document.uri, [])
        ls.text_document_publish_diagnostics(nothing)


def _questions(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(ls: Server, params: types.HoverParams) -> types.Hover | None:
        analysis = ls.analysis(params.text_document.uri)
        found = hover.hover(analysis, ls.offset(analysis, params.position))
        if found is None:
            return None
        text = types.MarkupContent(types.MarkupKind.Markdown, found[0])
        return types.Hover(text, ls.range(analysis.source, found[1]))

    triggers = types.CompletionOptions(trigger_characters=["~"])

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, triggers)
    def completed(ls: Server, params: types.CompletionParams) -> list[types.CompletionItem]:
        analysis = ls.analysis(params.text_document.uri)
        found = completion.proposals(analysis, ls.offset(analysis, params.position))
        return [_item(ls, one) for one in found]

    opening = types.SignatureHelpOptions(trigger_characters=["(", ","])

    @server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, opening)
    def called(ls: Server, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        analysis = ls.analysis(params.text_document.uri)
        before = analysis.source.text[: ls.offset(analysis, params.position)]
        around = completion.call_around(before)
        if around is None:
            return None
        calls = completion.signatures(analysis, around)
        shown = [types.SignatureInformation(call, parameters=_parameters(call)) for call in calls]
        return types.SignatureHelp(shown, 0, around.argument) if shown else None

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def defined(ls: Server, params: types.DefinitionParams) -> types.Location | None:
        uri = params.text_document.uri
        analysis = ls.analysis(uri)
        home = symbols.definition(analysis, ls.offset(analysis, params.position))
        return None if home is None else types.Location(uri, ls.range(analysis.source, home))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def used(ls: Server, params: types.ReferenceParams) -> list[types.Location]:
        uri = params.text_document.uri
        analysis = ls.analysis(uri)
        spans = symbols.uses(analysis, ls.offset(analysis, params.position))
        return [types.Location(uri, ls.range(analysis.source, span)) for span in spans]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def marked(ls: Server, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        analysis = ls.analysis(params.text_document.uri)
        spans = symbols.uses(analysis, ls.offset(analysis, params.position))
        return [types.DocumentHighlight(ls.range(analysis.source, span)) for span in spans]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outlined(ls: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        analysis = ls.analysis(params.text_document.uri)
        return [
            types.DocumentSymbol(
                one.name,
                SYMBOLS[one.sort],
                ls.range(analysis.source, one.span),
                ls.range(analysis.source, one.name_span),
                detail=one.detail,
            )
            for one in symbols.outline(analysis)
        ]

    @server.command(DIAGRAM)
    def drawn(ls: Server, uri: str) -> str:
        return pipeline.draw(pipeline.Request(ls.analysis(uri).source), "svg")


def _changes(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatted(ls: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        source = ls.analysis(params.text_document.uri).source
        try:
            text = format_tree(parse(source), source)
        except PplError:
            return []
        whole = ls.whole(params.text_document.uri)
        return [] if text == source.text else [types.TextEdit(whole, text)]

    prepare = types.RenameOptions(prepare_provider=True)

    @server.feature(types.TEXT_DOCUMENT_RENAME, prepare)
    def renamed(ls: Server, params: types.RenameParams) -> types.WorkspaceEdit:
        uri = params.text_document.uri
        analysis = ls.analysis(uri)
        offset = ls.offset(analysis, params.position)
        refusal = symbols.refusal(analysis, offset, params.new_name)
        if refusal:
            raise JsonRpcInvalidParams(refusal)
        edits = [
            types.TextEdit(ls.range(analysis.source, span), params.new_name)
            for span in symbols.uses(analysis, offset)
        ]
        return types.WorkspaceEdit(changes={uri: edits})

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def renameable(ls: Server, params: types.PrepareRenameParams) -> types.Range | None:
        analysis = ls.analysis(params.text_document.uri)
        offset = ls.offset(analysis, params.position)
        here = [s for s in symbols.uses(analysis, offset) if s.start <= offset <= s.end]
        return ls.range(analysis.source, here[0]) if here else None

    quick = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, quick)
    def mended(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        return [
            types.CodeAction(
                f"Write `{wrong.data['meant']}`",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[wrong],
                is_preferred=True,
                edit=types.WorkspaceEdit(
                    changes={uri: [types.TextEdit(wrong.range, wrong.data["meant"])]}
                ),
            )
            for wrong in params.context.diagnostics
            if isinstance(wrong.data, dict) and "meant" in wrong.data
        ]


def _item(server: Server, one: completion.Proposal) -> types.CompletionItem:
    """Return a proposal; with places to fill in where the editor can do that."""
    item = server.client_capabilities.text_document
    able = bool(
        item
        and item.completion
        and item.completion.completion_item
        and item.completion.completion_item.snippet_support
    )
    snippet = able and bool(one.snippet)
    documentation = types.MarkupContent(types.MarkupKind.Markdown, one.documentation)
    return types.CompletionItem(
        one.word,
        kind=KINDS[one.sort],
        detail=one.detail or None,
        documentation=documentation if one.documentation else None,
        sort_text=f"{one.rank}{one.word}",
        insert_text=one.snippet if snippet else one.word,
        insert_text_format=types.InsertTextFormat.Snippet
        if snippet
        else types.InsertTextFormat.PlainText,
    )


def _parameters(call: str) -> list[types.ParameterInformation]:
    """Return the arguments of a call by their places in it."""
    start = call.index("(") + 1
    found = []
    for word in call[start:-1].split(", "):
        found.append(types.ParameterInformation((start, start + len(word))))
        start += len(word) + 2
    return found


def serve() -> None:
    """Serve one editor over standard input and output until it says goodbye."""
    make_server().start_io()
