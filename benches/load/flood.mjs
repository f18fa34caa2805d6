// Sends forged tokens at a fixed rate until it is told to stop; a process of its own, on the CPU of the load.
//
// argv[2]: { "port", "path", "token": a good one, "rate": per second, "sources": addresses to come from }
// Each request has a signature of its own, so none is known from before. On `end` of stdin one line says what happened.
import { randomBytes } from 'node:crypto';
import net from 'node:net';

const { port, path, token, rate, sources } = JSON.parse(process.argv[2]);
const [header, claims, signature] = token.split('.');
const SIGNATURE_BYTES = Buffer.from(signature, 'base64url').length;
/** Random bytes at their cheapest: one block, another window of it and a counter for each token. */
const NOISE = randomBytes(64 * 1024);
const TICK_MS = 5;
/** One address comes by many connections; each of many addresses by one. */
const SOCKETS = Math.max(sources, 128);

let sent = 0;
let connected = 0;
const answers = {};
const idle = [];

function forged() {
  const at = (sent * 13) % (NOISE.length - SIGNATURE_BYTES);
  const bytes = Buffer.from(NOISE.subarray(at, at + SIGNATURE_BYTES));
  bytes.writeUInt32BE(sent % 0x7fffffff, 8);
  bytes[0] &= 0x3f;
  return `${header}.${claims}.${bytes.toString('base64url')}`;
}

const address = (index) => `127.0.${Math.floor(index / 200)}.${1 + (index % 200)}`;

function connect(source) {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: source });
  socket.setNoDelay(true);
  socket.once('connect', () => { connected += 1; idle.push(socket); });
  socket.on('data', (data) => {
    const status = data.toString('latin1', 9, 12);
    if (data.toString('latin1', 0, 9) !== 'HTTP/1.1 ') return;
    answers[status] = (answers[status] ?? 0) + 1;
    idle.push(socket);
  });
  // A server may close a connection at any time; another one takes its place.
  socket.once('error', () => {}).once('close', () => connect(source));
}

for (let index = 0; index < SOCKETS; index += 1) connect(address(index % sources));

let due = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  due = Math.min(due + (rate * (now - last)) / 1000, rate / 10);
  last = now;
  while (due >= 1 && idle.length > 0) {
    const socket = idle.shift();
    if (socket.destroyed) continue;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${forged()}\r\n\r\n`);
    sent += 1;
    due -= 1;
  }
}, TICK_MS);

const began = performance.now();
process.stdin.resume();
process.stdin.once('end', () => {
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ perSecond: Math.round(sent / seconds), connected, answers }));
  process.exit(0);
});
