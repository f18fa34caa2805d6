// Clients that notice everything: each request that is refused, broken or not 200 is counted by what happened.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const ok = (answer) => answer.statusCode === 200;

/** The answer's status and how long it took, in milliseconds; an error by its code. */
export function get(port, host, agent) {
  const began = performance.now();
  return new Promise((resolve) => {
    const request = http.get({ port, host: '127.0.0.1', path: '/', headers: { host }, agent }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve({ error: ok(answer) ? null : String(answer.statusCode), ms: performance.now() - began }));
      answer.once('error', (error) => resolve({ error: error.code ?? 'broken', ms: performance.now() - began }));
    });
    request.setTimeout(20_000, () => request.destroy(new Error('timeout')));
    request.once('error', (error) => resolve({ error: error.code ?? error.message, ms: performance.now() - began }));
  });
}

/** Requests at a steady rate. `kept`: over connections that are kept alive, else each on its own. */
export class Load {
  constructor(port, { rate, kept, host = 'app.example' }) {
    this.agent = new http.Agent({ keepAlive: kept, maxSockets: kept ? 64 : 256, maxTotalSockets: 256 });
    this.errors = {};
    this.times = [];
    this.pending = new Set();
    this.done = this.run(port, host, rate);
  }

  async run(port, host, rate) {
    const began = performance.now();
    for (let sent = 0; !this.stopped; ) {
      for (const due = ((performance.now() - began) / 1000) * rate; sent < due; sent += 1) {
        const one = get(port, host, this.agent).then(({ error, ms }) => {
          if (error) this.errors[error] = (this.errors[error] ?? 0) + 1;
          else this.times.push(ms);
          this.pending.delete(one);
        });
        this.pending.add(one);
      }
      await sleep(2);
    }
    await Promise.all(this.pending);
    this.agent.destroy();
  }

  async stop() {
    this.stopped = true;
    await this.done;
    return { served: this.times.length, errors: this.errors };
  }
}

/** Requests at a steady rate for a known time by a process of its own (`h2load`), whose clock nothing here disturbs. */
export class Paced {
  constructor(port, { rate, seconds, folder, host = 'app.example', clients = 20 }) {
    this.file = `${folder}/h2load.log`;
    const child = spawn('h2load', ['--h1', '-t', '1', '-c', String(clients), '-D', String(Math.ceil(seconds)), `--rps=${rate / clients}`,
      '-H', `host: ${host}`, '--log-file', this.file, `http://127.0.0.1:${port}/`], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.done = new Promise((resolve) => child.once('exit', resolve));
  }

  /** All requests, once the time is over: when each began (milliseconds since 1970), its status, its milliseconds. */
  async requests() {
    await this.done;
    return readFileSync(this.file, 'utf8').trim().split('\n').map((line) => {
      const [at, status, took] = line.split('\t').map(Number);
      return { at: at / 1000, status, ms: took / 1000 };
    });
  }
}

/** Open WebSockets that each say something now and then and must hear it back. */
export class Sockets {
  constructor() {
    this.open = [];
    this.lost = 0;
    this.echoed = 0;
  }

  async connect(port, count) {
    for (let opened = 0; opened < count; opened += 50) {
      const some = Array.from({ length: Math.min(50, count - opened) }, () => this.one(port));
      await Promise.all(some);
    }
    this.talking = setInterval(() => this.talk(), 50);
  }

  one(port) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.write('GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
      socket.once('data', (head) => {
        if (!String(head).startsWith('HTTP/1.1 101')) return reject(new Error(`no WebSocket: ${String(head).split('\r\n')[0]}`));
        this.open.push(socket);
        socket.on('data', () => { this.echoed += 1; });
        resolve();
      });
      socket.once('error', reject);
      socket.once('close', () => { if (!this.closing) this.lost += 1; });
    });
  }

  talk() {
    this.next = ((this.next ?? 0) + 1) % this.open.length;
    const socket = this.open[this.next];
    // A masked text frame with one letter.
    if (!socket.destroyed) socket.write(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x61 ^ 1]));
  }

  close() {
    this.closing = true;
    clearInterval(this.talking);
    this.open.forEach((socket) => socket.destroy());
    return { lost: this.lost, echoed: this.echoed };
  }
}
