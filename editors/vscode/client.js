"use strict";
// A client of a language server over standard input and output: JSON-RPC with Content-Length
// headers. Knows nothing of the editor, so that it can be tested without one.

const { spawn } = require("node:child_process");

class Client {
  constructor(command, options) {
    this.waiting = new Map();
    this.listeners = new Map();
    this.next = 1;
    this.buffer = Buffer.alloc(0);
    this.process = spawn(command[0], command.slice(1), { ...options, stdio: "pipe" });
    this.ended = new Promise((resolve) => {
      this.process.on("error", (error) => resolve(error.message));
      this.process.on("exit", (code) => resolve(`the server ended with status ${code}`));
    });
    this.ended.then((reason) => {
      for (const { reject } of this.waiting.values()) reject(new Error(reason));
      this.waiting.clear();
    });
    this.process.stdin.on("error", () => {});
    this.process.stdout.on("data", (data) => this.read(data));
  }

  on(method, listener) {
    this.listeners.set(method, listener);
  }

  request(method, params) {
    const id = this.next++;
    this.send({ jsonrpc: "2.0", id, method, params });
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  notify(method, params) {
    this.send({ jsonrpc: "2.0", method, params });
  }

  async stop() {
    await Promise.race([this.request("shutdown", null).catch(() => null), this.ended]);
    this.notify("exit", null);
    return this.ended;
  }

  send(message) {
    const body = Buffer.from(JSON.stringify(message), "utf8");
    this.process.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.process.stdin.write(body);
  }

  read(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const end = this.buffer.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.buffer.subarray(0, end))[1]);
      if (this.buffer.length < end + 4 + length) return;
      const body = this.buffer.subarray(end + 4, end + 4 + length);
      this.buffer = this.buffer.subarray(end + 4 + length);
      this.receive(JSON.parse(body.toString("utf8")));
    }
  }

  receive(message) {
    if (message.method !== undefined) {
      const listener = this.listeners.get(message.method);
      const result = listener ? listener(message.params) : null;
      if (message.id !== undefined) {
        this.send({ jsonrpc: "2.0", id: message.id, result: result ?? null });
      }
      return;
    }
    const waiter = this.waiting.get(message.id);
    if (waiter === undefined) return;
    this.waiting.delete(message.id);
    if (message.error) waiter.reject(new Error(message.error.message));
    else waiter.resolve(message.result);
  }
}

module.exports = { Client };
