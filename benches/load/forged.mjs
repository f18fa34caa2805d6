// Promise Q10: how much of its good traffic a node of one core keeps while forged tokens come in by the thousands; exits
// with 1 when it is less than promised. `--binary FILE` for another build than the release.
//
// Good traffic is `wrk` with one token again and again, as fast as it goes; alone and beside the flood, in turns. The
// flood is 10,000 tokens a second of which none was seen before: once from one address, whose budget of wrong
// signatures ends, and once from 600 addresses. The share is that of the good requests a second, while the flood lasts:
// its first seconds, in which it connects and spends what each address has at once, are not measured.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { LOAD_CPU, startAll } from './contestants.mjs';
import { startIssuer } from './issuer.mjs';
import { loadAverage } from './machine.mjs';
import { requests } from './measure.mjs';
import { cpuTime, endAll, freePorts } from './process.mjs';

const { values } = parseArgs({
  options: {
    binary: { type: 'string' }, seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '10000' }, alg: { type: 'string', default: 'RS256' },
  },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const binary = path.resolve(values.binary ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), 'release/ostia'));
const [seconds, rounds, rate] = [values.seconds, values.rounds, values.rate].map(Number);
/** Until the flood has spent its budgets: 600 addresses have 30,000 tokens at once. */
const SETTLE_MS = 4000;
/** Q10: the share that must be kept, and the aim. */
const [MUST, AIM] = [0.6, 0.8];
const FLOOD = fileURLToPath(new URL('flood.mjs', import.meta.url));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** Runs the flood while `work` runs; what it sent and how it was answered. */
async function beside(options, work) {
  const flood = spawn('taskset', ['-c', String(LOAD_CPU), process.execPath, FLOOD, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  flood.stdout.on('data', (data) => { said += data; });
  const ended = new Promise((resolve) => flood.once('exit', resolve));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  try {
    const result = await work();
    flood.stdin.end();
    await ended;
    return { result, flood: JSON.parse(said) };
  } finally {
    flood.kill();
  }
}

async function main() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ostia-forged-'));
  try {
    const issuer = await startIssuer((await freePorts(1))[0]);
    const { contestants, ports } = await startAll(folder, { ostia: binary }, issuer.issuer, new Set(['ostia']));
    const token = issuer.accessToken(values.alg, 'robot');
    const file = path.join(folder, 'good.requests');
    writeFileSync(file, `/bearer\tAuthorization: Bearer ${token}\n`, { mode: 0o600 });
    const scenario = { key: 'forged', file };
    const { pid } = contestants.ostia;
    const good = async () => {
      const before = cpuTime(pid).total;
      const count = await requests(scenario, 'ostia', ports.ostia, seconds);
      return { perSecond: count / seconds, busy: (cpuTime(pid).total - before) / (seconds * 1e6) };
    };
    await good();
    let isKept = true;
    for (const sources of [1, 600]) {
      const shares = [];
      for (let round = 0; round < rounds; round += 1) {
        const alone = await good();
        const { result, flood } = await beside({ port: ports.ostia, path: '/bearer', token, rate, sources }, good);
        shares.push(result.perSecond / alone.perSecond);
        console.log(`${values.alg}, ${sources} address(es), round ${round + 1}: alone ${Math.round(alone.perSecond)}/s, beside the flood `
          + `${Math.round(result.perSecond)}/s (core ${(100 * result.busy).toFixed(0)} % busy); flood ${flood.perSecond}/s, answered ${JSON.stringify(flood.answers)}`);
      }
      const share = median(shares);
      const verdict = share >= AIM ? 'kept, with the aim' : share >= MUST ? 'kept' : 'MISSED';
      isKept &&= share >= MUST;
      console.log(`${values.alg}, ${sources} address(es): share kept ${(100 * share).toFixed(0)} % (median of ${rounds}; must ${100 * MUST} %, aim ${100 * AIM} %: ${verdict}); load average ${loadAverage()}`);
    }
    process.exitCode = isKept ? 0 : 1;
  } finally {
    await endAll();
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}

await main();
