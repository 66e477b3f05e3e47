"use strict";
// Runs the extension without Visual Studio Code: a stand-in for its interface, one open model, and
// one question to each provider; prints the answers as JSON. Arguments: the extension's folder, the
// command of the server as JSON.

const Module = require("node:module");
const path = require("node:path");

const [folder, server] = [process.argv[2], JSON.parse(process.argv[3])];
const TEXT = "data y[J]\nlevel ~ Normal(0, 1)\ny ~ Normal(levl, 1)\n";
const providers = {};
const listeners = {};
const commands = {};
const shown = [];
let panel;
let heard;
const diagnosed = new Promise((resolve) => (heard = resolve));

class Plain {
  constructor(...given) {
    this.given = given;
  }
}
class Edits {
  constructor() {
    this.edits = [];
  }
  set(_, edits) {
    this.edits.push(...edits);
  }
  replace(_, range, text) {
    this.edits.push({ given: [range, text] });
  }
}
const register = (name) => (_, provider) => ((providers[name] = provider), { dispose() {} });
const listen = (name) => (listener) => ((listeners[name] = listener), { dispose() {} });
const document = {
  uri: { toString: () => "file:///m.ppl" },
  languageId: "ppl",
  version: 1,
  getText: () => TEXT,
};
const vscode = {
  languages: {
    createDiagnosticCollection: () => ({
      set: (_, found) => (shown.push(...found), heard()),
      clear() {},
      dispose() {},
    }),
    registerHoverProvider: register("hover"),
    registerCompletionItemProvider: register("completion"),
    registerSignatureHelpProvider: register("signature"),
    registerDefinitionProvider: register("definition"),
    registerReferenceProvider: register("references"),
    registerDocumentSymbolProvider: register("symbols"),
    registerDocumentFormattingEditProvider: register("formatting"),
    registerRenameProvider: register("rename"),
    registerCodeActionsProvider: register("actions"),
  },
  window: {
    createOutputChannel: () => ({ append() {}, appendLine() {}, dispose() {} }),
    showErrorMessage: (message) => shown.push({ error: message }),
    showInformationMessage() {},
    activeTextEditor: { document },
    createWebviewPanel: () => (panel = { webview: { html: "" } }),
  },
  workspace: {
    textDocuments: [document],
    getConfiguration: () => ({ get: () => server }),
    onDidOpenTextDocument: listen("open"),
    onDidChangeTextDocument: listen("change"),
    onDidCloseTextDocument: listen("close"),
  },
  commands: { registerCommand: (name, run) => ((commands[name] = run), { dispose() {} }) },
  Uri: { parse: (text) => ({ toString: () => text }) },
  ViewColumn: { Beside: 2 },
  CodeActionKind: { QuickFix: "quickfix" },
  WorkspaceEdit: Edits,
};
for (const name of [
  "Range", "Diagnostic", "DiagnosticRelatedInformation", "Location", "Hover", "MarkdownString",
  "CompletionItem", "SnippetString", "SignatureHelp", "SignatureInformation", "CodeAction",
  "ParameterInformation", "DocumentSymbol", "TextEdit",
]) {
  vscode[name] = class extends Plain {};
}
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));

(async () => {
  const extension = require(path.join(folder, "extension.js"));
  await extension.activate({ subscriptions: [] });
  await diagnosed;
  const at = (line, character) => ({ line, character });
  const answers = {
    diagnostics: shown.slice(),
    hover: await providers.hover.provideHover(document, at(1, 1)),
    completion: (await providers.completion.provideCompletionItems(document, at(2, 4))).length,
    signature: await providers.signature.provideSignatureHelp(document, at(2, 16)),
    definition: await providers.definition.provideDefinition(document, at(0, 5)),
    references: await providers.references.provideReferences(document, at(0, 5)),
    symbols: await providers.symbols.provideDocumentSymbols(document),
    formatting: await providers.formatting.provideDocumentFormattingEdits(document, {
      tabSize: 2,
      insertSpaces: true,
    }),
    rename: await providers.rename.provideRenameEdits(document, at(0, 5), "z"),
    actions: providers.actions.provideCodeActions(document, null, { diagnostics: shown }),
  };
  await commands["ppl.showDiagram"]();
  answers.diagram = panel?.webview.html ?? shown.at(-1);
  listeners.close(document);
  await extension.deactivate();
  console.log(JSON.stringify(answers));
})();
