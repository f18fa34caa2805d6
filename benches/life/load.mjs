// Clients that notice everything: each request that is refused, broken or not 200 is counted by what happened.
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

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
        const at = Date.now();
        const one = get(port, host, this.agent).then(({ error, ms }) => {
          if (error) this.errors[error] = (this.errors[error] ?? 0) + 1;
          else this.times.push({ at, ms });
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
    return { served: this.times.length, errors: this.errors, times: this.times };
  }
}

/** The same on a thread of its own, so that its clock is not disturbed by what happens here; for a known time. */
export class Paced {
  constructor(port, { rate, seconds }) {
    const worker = new Worker(new URL('paced.mjs', import.meta.url), { workerData: { port, rate, seconds } });
    this.done = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  }

  /** Once the time is over: `times`, each with when its request began (milliseconds since 1970) and how long it took, and `errors`. */
  requests() {
    return this.done;
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
