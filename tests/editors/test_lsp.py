"""The language server, end to end: a client library starts ``ppl lsp`` and talks to it."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from tests.editors.texts import ROOT

URI = "file:///models/schools.ppl"
SCHOOLS = """\
# Eight schools
data y[J]
data sigma[J] > 0

mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[J] ~ Normal(mu, tau)  # each school's own effect

y ~ Normal(theta, sigma)
"""
TIMEOUT = 60.0


class Editor(LanguageClient):
    """An editor with one document."""

    def __init__(self) -> None:
        super().__init__("test", "1")
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.version = 0

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: types.PublishDiagnosticsParams) -> None:
            self.published.put_nowait(params)

    async def diagnostics(self) -> list[types.Diagnostic]:
        found = await asyncio.wait_for(self.published.get(), TIMEOUT)
        return list(found.diagnostics)

    async def open(self, text: str) -> list[types.Diagnostic]:
        item = types.TextDocumentItem(URI, "ppl", 0, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return await self.diagnostics()

    async def change(self, at: types.Range, text: str) -> list[types.Diagnostic]:
        """Replace a part of the document, as typing does."""
        self.version += 1
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, URI),
                [types.TextDocumentContentChangePartial(at, text)],
            )
        )
        return await self.diagnostics()


DOCUMENT = types.TextDocumentIdentifier(URI)


def at(line: int, column: int) -> types.Position:
    return types.Position(line, column)


def span(line: int, first: int, last: int) -> types.Range:
    return types.Range(at(line, first), at(line, last))


Talk = Callable[[Editor], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def session() -> Iterator[Callable[[Talk], None]]:
    """Start the server once, as an editor does; a test talks to it, then closes its document."""
    client, loop = Editor(), asyncio.new_event_loop()

    def in_time(what: Coroutine[Any, Any, Any]) -> Any:
        return loop.run_until_complete(asyncio.wait_for(what, TIMEOUT))

    def run(talk: Talk) -> None:
        in_time(talk(client))
        client.text_document_did_close(types.DidCloseTextDocumentParams(DOCUMENT))
        assert in_time(client.diagnostics()) == []

    in_time(start(client))
    yield run
    in_time(stop(client))
    loop.close()


async def start(client: Editor) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    await client.start_io(sys.executable, "-m", "ppl", "lsp", env=environment)
    item = types.ClientCompletionItemOptions(snippet_support=True)
    able = types.TextDocumentClientCapabilities(
        completion=types.CompletionClientCapabilities(completion_item=item)
    )
    started = await client.initialize_async(
        types.InitializeParams(capabilities=types.ClientCapabilities(text_document=able))
    )
    assert started.server_info is not None
    assert started.server_info.name == "ppl"
    client.initialized(types.InitializedParams())


async def stop(client: Editor) -> None:
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()


def test_a_session_of_writing(session: Callable[[Talk], None]) -> None:
    """As an editor does: open, break, mend, ask, rename, format, break again, ask."""

    async def talk(client: Editor) -> None:
        assert await client.open(SCHOOLS) == []
        (wrong,) = await client.change(span(8, 11, 16), "thta")
        assert wrong.code == "unknown-name"
        assert wrong.range == span(8, 11, 15)
        assert wrong.severity == types.DiagnosticSeverity.Error
        (action,) = await client.text_document_code_action_async(
            types.CodeActionParams(DOCUMENT, wrong.range, types.CodeActionContext([wrong]))
        )
        assert action.title == "Write `theta`"
        (edit,) = action.edit.changes[URI]
        assert await client.change(edit.range, edit.new_text) == []

        await hovers(client)
        await goes_to_definitions(client)
        await renames(client)
        await formats(client)

        (broken,) = await client.change(span(8, 22, 24), "")
        assert broken.range.start.line == 8
        hover = await client.text_document_hover_async(types.HoverParams(DOCUMENT, at(6, 1)))
        assert "theta[J]" in hover.contents.value

    session(talk)


async def hovers(client: Editor) -> None:
    async def text(line: int, column: int) -> str:
        found = await client.text_document_hover_async(
            types.HoverParams(DOCUMENT, at(line, column))
        )
        return "" if found is None else found.contents.value

    theta = await text(8, 12)
    assert "`theta[J]`: random variable, Normal: real" in theta
    assert "theta[J] ~ Normal(mu, tau)" in theta
    assert "each school's own effect" in theta
    assert "Normal(mu, precision = ...)" in await text(8, 6)
    assert "its size comes from the data" in await text(6, 6)
    assert "Declares data" in await text(1, 2)
    assert await text(0, 4) == ""
    assert await text(3, 0) == ""


async def goes_to_definitions(client: Editor) -> None:
    found = await client.text_document_definition_async(types.DefinitionParams(DOCUMENT, at(8, 13)))
    assert found.range == span(6, 0, 5)
    found = await client.text_document_definition_async(types.DefinitionParams(DOCUMENT, at(6, 6)))
    assert found.range == span(1, 7, 8)
    assert (
        await client.text_document_definition_async(types.DefinitionParams(DOCUMENT, at(8, 5)))
        is None
    )
    everywhere = await client.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(True), DOCUMENT, at(6, 2))
    )
    assert [place.range for place in everywhere] == [span(6, 0, 5), span(8, 11, 16)]
    marked = await client.text_document_document_highlight_async(
        types.DocumentHighlightParams(DOCUMENT, at(4, 0))
    )
    assert [mark.range for mark in marked] == [span(4, 0, 2), span(6, 18, 20)]
    outline = await client.text_document_document_symbol_async(types.DocumentSymbolParams(DOCUMENT))
    assert [(one.name, one.detail) for one in outline] == [
        ("y", "[J]"),
        ("sigma", "[J]"),
        ("mu", ""),
        ("tau", ""),
        ("theta", "[J]"),
    ]


async def renames(client: Editor) -> None:
    edit = await client.text_document_rename_async(types.RenameParams(DOCUMENT, at(6, 2), "effect"))
    assert [change.range for change in edit.changes[URI]] == [span(6, 0, 5), span(8, 11, 16)]
    for name, reason in (("mu", "is taken"), ("for", "cannot be a name")):
        with pytest.raises(JsonRpcException, match=reason):
            await client.text_document_rename_async(types.RenameParams(DOCUMENT, at(6, 2), name))
    able = await client.text_document_prepare_rename_async(
        types.PrepareRenameParams(DOCUMENT, at(8, 5))
    )
    assert able is None


async def formats(client: Editor) -> None:
    options = types.FormattingOptions(2, True)
    params = types.DocumentFormattingParams(DOCUMENT, options)
    assert not await client.text_document_formatting_async(params)
    assert await client.change(span(4, 2, 5), "~") == []
    (edit,) = await client.text_document_formatting_async(params)
    assert edit.new_text == SCHOOLS
    assert await client.change(edit.range, edit.new_text) == []


def test_completion_and_calls(session: Callable[[Talk], None]) -> None:
    async def talk(client: Editor) -> None:
        await client.open("dim K = 3\nw[K] ~ \nfn f(a, b) = a + b\nz ~ Gamma(1, \nv ~ f(")

        async def words(line: int, column: int) -> list[types.CompletionItem]:
            found = await client.text_document_completion_async(
                types.CompletionParams(DOCUMENT, at(line, column))
            )
            return sorted(found, key=lambda item: item.sort_text)

        laws = await words(1, 7)
        assert laws[0].kind == types.CompletionItemKind.Class
        normal = next(item for item in laws if item.label == "Normal")
        assert normal.insert_text == "Normal(${1:mu}, ${2:sigma})"
        assert normal.insert_text_format == types.InsertTextFormat.Snippet
        assert "Normal(mu, precision = ...)" in normal.documentation.value
        inside = await words(3, 13)
        assert {"sigma", "mu", "K", "w", "exp"} <= {item.label for item in inside}
        assert next(i for i in inside if i.label == "sigma").insert_text == "sigma = ${1:value}"
        help = await client.text_document_signature_help_async(
            types.SignatureHelpParams(DOCUMENT, at(3, 13))
        )
        assert help.signatures[0].label == "Gamma(alpha, beta)"
        assert help.active_parameter == 1
        assert help.signatures[0].parameters[1].label == (13, 17)
        help = await client.text_document_signature_help_async(
            types.SignatureHelpParams(DOCUMENT, at(4, 6))
        )
        assert [one.label for one in help.signatures] == ["f(a, b)"]

    session(talk)


def test_columns_count_as_the_editor_counts(session: Callable[[Talk], None]) -> None:
    """UTF-16 by default: a letter outside the basic plane is two columns."""

    async def talk(client: Editor) -> None:
        text = "𝜇level ~ Normal(0, 1)\r\ny ~ Normal(𝜇level + 𝜇levl, 1)\r\n"
        (wrong,) = await client.open(text)
        assert wrong.range == types.Range(at(1, 21), at(1, 27))
        found = await client.text_document_definition_async(
            types.DefinitionParams(DOCUMENT, at(1, 12))
        )
        assert found.range == span(0, 0, 7)

    session(talk)


def test_the_diagram_comes_as_svg(session: Callable[[Talk], None]) -> None:
    async def talk(client: Editor) -> None:
        await client.open(SCHOOLS)
        picture = await client.workspace_execute_command_async(
            types.ExecuteCommandParams("ppl.diagram", [URI])
        )
        assert picture.startswith("<svg")
        assert "theta" in picture

    session(talk)
