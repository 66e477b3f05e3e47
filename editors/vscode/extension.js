"use strict";
// Visual Studio Code's side: starts `ppl lsp`, sends it the open models, and shows its answers.
// Plain JavaScript without dependencies: there is nothing to build.

const vscode = require("vscode");
const { Client } = require("./client.js");

const MODELS = { language: "ppl" };
let client;
let problems;
let output;

async function activate(context) {
  problems = vscode.languages.createDiagnosticCollection("ppl");
  output = vscode.window.createOutputChannel("ppl");
  context.subscriptions.push(problems, output);
  context.subscriptions.push(
    vscode.commands.registerCommand("ppl.restart", async () => {
      await deactivate();
      await start();
    }),
    vscode.commands.registerCommand("ppl.showDiagram", showDiagram),
    vscode.workspace.onDidOpenTextDocument(opened),
    vscode.workspace.onDidChangeTextDocument(changed),
    vscode.workspace.onDidCloseTextDocument(closed),
  );
  context.subscriptions.push(...answers());
  await start();
}

async function start() {
  const command = vscode.workspace.getConfiguration("ppl").get("server");
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const started = new Client(command, { cwd: folder });
  started.on("textDocument/publishDiagnostics", published);
  started.on("window/logMessage", ({ message }) => output.appendLine(message));
  started.process.stderr.on("data", (data) => output.append(String(data)));
  started.ended.then((reason) => {
    if (client !== started) return;
    client = undefined;
    vscode.window.showErrorMessage(
      `ppl: ${reason}. Install it with pip install 'ppl[lsp]', or set ppl.server.`,
    );
  });
  client = started;
  try {
    await started.request("initialize", {
      processId: process.pid,
      rootUri: null,
      capabilities: {
        textDocument: { completion: { completionItem: { snippetSupport: true } } },
      },
    });
  } catch {
    return; // `ended` has said why
  }
  started.notify("initialized", {});
  vscode.workspace.textDocuments.forEach(opened);
}

async function deactivate() {
  const stopping = client;
  client = undefined;
  problems?.clear();
  await stopping?.stop();
}

// ------------------------------------------------------------------------------------- documents

function isModel(document) {
  return client !== undefined && document.languageId === "ppl";
}

function opened(document) {
  if (!isModel(document)) return;
  client.notify("textDocument/didOpen", {
    textDocument: {
      uri: document.uri.toString(),
      languageId: "ppl",
      version: document.version,
      text: document.getText(),
    },
  });
}

function changed({ document }) {
  if (!isModel(document)) return;
  client.notify("textDocument/didChange", {
    textDocument: { uri: document.uri.toString(), version: document.version },
    contentChanges: [{ text: document.getText() }],
  });
}

function closed(document) {
  if (!isModel(document)) return;
  client.notify("textDocument/didClose", { textDocument: { uri: document.uri.toString() } });
}

function published({ uri, diagnostics }) {
  const address = vscode.Uri.parse(uri);
  problems.set(
    address,
    diagnostics.map((found) => {
      const shown = new vscode.Diagnostic(range(found.range), found.message, found.severity - 1);
      shown.code = found.code;
      shown.source = found.source;
      shown.relatedInformation = (found.relatedInformation ?? []).map(
        ({ location, message }) =>
          new vscode.DiagnosticRelatedInformation(
            new vscode.Location(vscode.Uri.parse(location.uri), range(location.range)),
            message,
          ),
      );
      shown.meant = found.data?.meant;
      return shown;
    }),
  );
}

// --------------------------------------------------------------------------------------- answers

function answers() {
  const { languages } = vscode;
  return [
    languages.registerHoverProvider(MODELS, {
      provideHover: async (document, position) => {
        const found = await ask("hover", document, { position });
        return found && new vscode.Hover(markdown(found.contents.value), range(found.range));
      },
    }),
    languages.registerCompletionItemProvider(
      MODELS,
      {
        provideCompletionItems: async (document, position) =>
          ((await ask("completion", document, { position })) ?? []).map(completion),
      },
      "~",
    ),
    languages.registerSignatureHelpProvider(
      MODELS,
      { provideSignatureHelp: (document, position) => signatures(document, position) },
      "(",
      ",",
    ),
    languages.registerDefinitionProvider(MODELS, {
      provideDefinition: async (document, position) => {
        const found = await ask("definition", document, { position });
        return found && new vscode.Location(vscode.Uri.parse(found.uri), range(found.range));
      },
    }),
    languages.registerReferenceProvider(MODELS, {
      provideReferences: async (document, position) =>
        (
          (await ask("references", document, {
            position,
            context: { includeDeclaration: true },
          })) ?? []
        ).map((found) => new vscode.Location(vscode.Uri.parse(found.uri), range(found.range))),
    }),
    languages.registerDocumentSymbolProvider(MODELS, {
      provideDocumentSymbols: async (document) =>
        ((await ask("documentSymbol", document, {})) ?? []).map(
          (found) =>
            new vscode.DocumentSymbol(
              found.name,
              found.detail ?? "",
              found.kind - 1,
              range(found.range),
              range(found.selectionRange),
            ),
        ),
    }),
    languages.registerDocumentFormattingEditProvider(MODELS, {
      provideDocumentFormattingEdits: async (document, options) =>
        ((await ask("formatting", document, { options })) ?? []).map(edit),
    }),
    languages.registerRenameProvider(MODELS, {
      provideRenameEdits: async (document, position, newName) => {
        const found = await ask("rename", document, { position, newName }, true);
        const all = new vscode.WorkspaceEdit();
        all.set(document.uri, (found?.changes?.[document.uri.toString()] ?? []).map(edit));
        return all;
      },
    }),
    languages.registerCodeActionsProvider(MODELS, {
      provideCodeActions: (document, _, { diagnostics }) =>
        diagnostics.filter(({ meant }) => meant).map((found) => mend(document, found)),
    }),
  ];
}

async function ask(question, document, params, loud = false) {
  if (!isModel(document)) return undefined;
  const textDocument = { uri: document.uri.toString() };
  try {
    return await client.request(`textDocument/${question}`, { textDocument, ...params });
  } catch (error) {
    if (loud) throw error;
    output.appendLine(`${question}: ${error.message}`);
    return undefined;
  }
}

async function signatures(document, position) {
  const found = await ask("signatureHelp", document, { position });
  if (!found) return undefined;
  const help = new vscode.SignatureHelp();
  help.activeSignature = found.activeSignature ?? 0;
  help.activeParameter = found.activeParameter ?? 0;
  help.signatures = found.signatures.map(({ label, parameters }) => {
    const one = new vscode.SignatureInformation(label);
    one.parameters = (parameters ?? []).map((p) => new vscode.ParameterInformation(p.label));
    return one;
  });
  return help;
}

function completion(found) {
  const item = new vscode.CompletionItem(found.label, found.kind - 1);
  item.detail = found.detail;
  item.documentation = found.documentation && markdown(found.documentation.value);
  item.sortText = found.sortText;
  item.insertText =
    found.insertTextFormat === 2 ? new vscode.SnippetString(found.insertText) : found.insertText;
  return item;
}

function mend(document, found) {
  const action = new vscode.CodeAction(`Write \`${found.meant}\``, vscode.CodeActionKind.QuickFix);
  action.edit = new vscode.WorkspaceEdit();
  action.edit.replace(document.uri, found.range, found.meant);
  action.diagnostics = [found];
  action.isPreferred = true;
  return action;
}

async function showDiagram() {
  const document = vscode.window.activeTextEditor?.document;
  if (document === undefined || !isModel(document)) {
    vscode.window.showInformationMessage("ppl: open a model first");
    return;
  }
  let picture;
  try {
    picture = await client.request("workspace/executeCommand", {
      command: "ppl.diagram",
      arguments: [document.uri.toString()],
    });
  } catch {
    vscode.window.showErrorMessage("ppl: a model with errors has no diagram");
    return;
  }
  const panel = vscode.window.createWebviewPanel(
    "ppl.diagram",
    "Plate diagram",
    vscode.ViewColumn.Beside,
  );
  panel.webview.html = `<!DOCTYPE html><body style="background: #fff">${picture}</body>`;
}

function range({ start, end }) {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

function edit(found) {
  return new vscode.TextEdit(range(found.range), found.newText);
}

function markdown(text) {
  return new vscode.MarkdownString(text);
}

module.exports = { activate, deactivate };
