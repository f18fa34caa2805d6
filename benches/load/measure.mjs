// One run: load on one CPU for a bounded time, the CPU time of the proxy on the other, divided by what was answered.
import { execFile } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { BODY_BYTES, LOAD_CPU } from './contestants.mjs';
import { cpuTime } from './process.mjs';

const CONNECTIONS = 64;
/** `openssl s_time` handles one connection at a time. */
const HANDSHAKE_CLIENTS = 4;

const run = promisify(execFile);
const LUA = fileURLToPath(new URL('requests.lua', import.meta.url));

/** Measures one contestant in one scenario: requests (or handshakes) a second, and microseconds of CPU for each. */
export async function measure(scenario, name, pid, seconds) {
  const { port } = scenario.contestants[name];
  await tryOne(scenario, name, port);
  const before = cpuTime(pid);
  const count = scenario.handshakes ? await handshakes(port, seconds) : await requests(scenario, name, port, seconds);
  const after = cpuTime(pid);
  await tryOne(scenario, name, port);
  const each = (kind) => (after[kind] - before[kind]) / count;
  return { perSecond: count / seconds, cpu: each('total'), user: each('user'), system: each('system') };
}

/** Requests that were answered as they should be. */
export async function requests(scenario, name, port, seconds) {
  const url = `${scenario.tls ? 'https' : 'http'}://127.0.0.1:${port}/`;
  const { stdout } = await run('taskset', ['-c', String(LOAD_CPU), 'wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`,
    '--timeout', '10s', '-s', LUA, url, '--', scenario.file]);
  const fail = (why) => { throw new Error(`${scenario.key}, ${name}: ${why}\n${stdout}`); };
  if (/Non-2xx or 3xx responses/.test(stdout)) fail('not every answer was 2xx');
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+)/.exec(stdout);
  if (errors && errors.slice(1).some((count) => count !== '0')) fail('connections broke');
  const [, count, amount, unit] = /(\d+) requests in [\d.]+s, ([\d.]+)([KMG]?B) read/.exec(stdout) ?? fail('no figures');
  if (count === '0') fail('nothing was answered');
  // wrk counts a redirect as good, but it is shorter than the upstream's body.
  if (amount * { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }[unit] / count < BODY_BYTES) fail('answers are too short');
  return Number(count);
}

async function handshakes(port, seconds) {
  const client = async () => {
    const { stdout } = await run('taskset', ['-c', String(LOAD_CPU), 'openssl', 's_time', '-new', '-tls1_3',
      '-connect', `127.0.0.1:${port}`, '-time', String(seconds)]);
    const found = /(\d+) connections in \d+ real seconds/.exec(stdout);
    if (!found) throw new Error(`openssl s_time says no figures:\n${stdout}`);
    return Number(found[1]);
  };
  const counts = await Promise.all(Array.from({ length: HANDSHAKE_CLIENTS }, client));
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (count === 0) throw new Error(`handshakes on port ${port}: none was made`);
  return count;
}

/** One request by itself: the status is 200 and the body that of the upstream, or the figures would mean nothing. */
async function tryOne(scenario, name, port) {
  const [target, ...fields] = scenario.trial;
  const headers = Object.fromEntries(fields.map((field) => field.split(/: (.*)/s, 2)));
  const { status, length } = await ask(scenario.tls ? https : http, { host: '127.0.0.1', port, path: target, headers });
  if (status !== 200 || length !== BODY_BYTES) {
    throw new Error(`${scenario.key}, ${name}: the trial request was answered ${status} with ${length} bytes`);
  }
}

function ask(client, options) {
  return new Promise((resolve, reject) => {
    client.get({ ...options, agent: false, rejectUnauthorized: false }, (response) => {
      let length = 0;
      response.on('data', (chunk) => { length += chunk.length; }).once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode, length }));
    }).once('error', reject);
  });
}
