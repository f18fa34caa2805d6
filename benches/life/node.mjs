// A node under test, with an application behind it.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { get } from './load.mjs';

/** An application that answers at once, and echoes WebSockets byte for byte. */
export function application() {
  const server = http.createServer((request, answer) => answer.end('ok\n'));
  server.keepAliveTimeout = 120_000;
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    // Sockets of Node's server stay half open when the other side has closed; over an hour there are too many of them.
    socket.on('data', (bytes) => socket.write(bytes)).on('error', () => {}).on('end', () => socket.end());
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** The same on a thread of its own, so that nobody here makes it wait. */
export function applicationApart() {
  const worker = new Worker(new URL('application.mjs', import.meta.url));
  const close = () => worker.terminate();
  return new Promise((resolve, reject) => worker.once('message', (port) => resolve({ port, close })).once('error', reject));
}

export class Node {
  constructor(binary, folder, ports, upstream) {
    Object.assign(this, { binary, folder, ports, upstream });
    mkdirSync(`${folder}/run`, { recursive: true, mode: 0o700 });
    this.file = `${folder}/ostia.yaml`;
    this.socket = `${folder}/run/admin.sock`;
  }

  /** Writes a configuration with so many routes. */
  configure(routes, mark = 0, drain = this.drain ?? '10s') {
    this.drain = drain;
    const lines = Array.from({ length: routes }, (_, index) =>
      `  - { name: r${index}, host: ${index ? `r${index}.example` : 'app.example'}, allow: anyone, upstream: app, upgrade: [websocket] }\n`);
    writeFileSync(this.file, `version: 1\nlisteners: { http: { bind: "127.0.0.1:${this.ports[0]}" } }\n`
      + `admin: { bind: "127.0.0.1:${this.ports[1]}", socket: ${this.socket} }\n`
      + `runtime: { threads: 1, state_dir: ${this.folder}/state, drain: { deadline: ${drain} } }\n`
      + `upstreams: { app: { servers: ["127.0.0.1:${this.upstream}"] } }\nlogs: { access: { to: none } }\npages: { name: "bench ${mark}" }\n`
      + `routes:\n${lines.join('')}`, { mode: 0o600 });
  }

  start() {
    const out = openSync(`${this.folder}/log`, 'a');
    const child = spawn(this.binary, ['run', '-c', this.file], { stdio: ['ignore', out, out] });
    this.child = child;
    this.gone = new Promise((resolve) => child.once('exit', resolve));
    return child;
  }

  /** Milliseconds until the first answer. */
  async firstAnswer() {
    for (const began = performance.now(); performance.now() - began < 30_000; await sleep(1)) {
      const { error } = await get(this.ports[0], 'app.example', new http.Agent());
      if (!error) return performance.now() - began;
    }
    throw new Error(`no answer:\n${readFileSync(`${this.folder}/log`, 'utf8').slice(-2000)}`);
  }

  /** A request to the admin socket: its JSON and how long it took. */
  order(path) {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: this.socket, path, method: 'POST', headers: { 'content-type': 'application/json', connection: 'close' } }, (answer) => {
        let text = '';
        answer.on('data', (bytes) => { text += bytes; }).once('end', () => {
          if (answer.statusCode !== 200) return reject(new Error(`${path}: ${text}`));
          resolve({ ...JSON.parse(text), ms: performance.now() - began });
        });
      });
      request.once('error', reject).end('{}');
    });
  }
}
