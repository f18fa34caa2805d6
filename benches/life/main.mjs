// What the life of the process costs its clients: reloads, upgrades, leaving, starting.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePorts } from '../load/process.mjs';
import { get, Load, Paced, Sockets } from './load.mjs';
import { applicationApart, Node } from './node.mjs';
import { soak } from './soak.mjs';

const { values } = parseArgs({ options: {
  binary: { type: 'string', default: path.resolve(import.meta.dirname ?? '.', '../../target/release/ostia') },
  reloads: { type: 'string', default: '100' }, seconds: { type: 'string', default: '600' },
  rate: { type: 'string', default: '1000' }, sockets: { type: 'string', default: '1000' },
  upgrades: { type: 'string', default: '20' },
  only: { type: 'string', default: 'start,leave,reload,upgrade' }, help: { type: 'boolean' },
} });
if (values.help) {
  process.stdout.write('benches/life/run [--binary PATH] [--only start,leave,reload,upgrade,soak]\n'
    + '  [--reloads 100 --seconds 600 --rate 1000 --sockets 1000] [--upgrades 20]\n'
    + 'Exit status 1: a client noticed something, or a bound of docs/promises.md was broken.\n');
  process.exit(0);
}
const number = (name) => Number(values[name]);
const folder = mkdtempSync(path.join(os.tmpdir(), 'ostia-life-'));
const app = await applicationApart();
const [port, admin] = await freePorts(2);
const node = new Node(values.binary, folder, [port, admin], app.port);
const rows = [];
let broken = false;

function tell(id, what, value, holds) {
  broken ||= !holds;
  rows.push(`| ${id} | ${what} | ${value} | ${holds ? 'kept' : '**broken**'} |`);
}

const percentile = (list, share) => [...list].sort((a, b) => a - b)[Math.floor(list.length * share)];
const median = (list) => percentile(list, 0.5);
const ms = (value) => `${value.toFixed(1)} ms`;
const failures = (errors) => Object.values(errors).reduce((sum, count) => sum + count, 0);
const said = ({ served, errors }) => `${served} requests, ${failures(errors)} failed${failures(errors) ? ` ${JSON.stringify(errors)}` : ''}`;

async function ended(child) {
  const began = performance.now();
  child.kill('SIGTERM');
  await node.gone;
  return performance.now() - began;
}

/** Waits for the end of a process that is nobody's child here. */
async function goneFrom(pid) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
  throw new Error(`process ${pid} does not end`);
}

const scenarios = {
  async start() {
    for (const [routes, must] of [[1, 40], [1000, 300], [10_000, 120]]) {
      node.configure(routes);
      const times = [];
      for (let round = 0; round < 5; round += 1) {
        node.start();
        times.push(await node.firstAnswer());
        await ended(node.child);
      }
      tell('Q9, O5', `start to first answer, ${routes} routes (must: ${must} ms)`, ms(median(times)), median(times) <= must);
    }
  },

  async leave() {
    node.configure(1);
    const times = [];
    for (let round = 0; round < 5; round += 1) {
      node.start();
      await node.firstAnswer();
      const kept = new http.Agent({ keepAlive: true });
      await get(port, 'app.example', kept);
      times.push(await ended(node.child));
      kept.destroy();
    }
    tell('O4', 'TERM with nothing in flight to the end (must: 200 ms)', ms(median(times)), median(times) <= 200);
  },

  async reload() {
    node.configure(1000);
    node.start();
    await node.firstAnswer();
    const sockets = new Sockets();
    await sockets.connect(port, number('sockets'));
    const [seconds, calm] = [number('seconds'), Math.max(10, number('seconds') / 10)];
    const load = new Paced(port, { rate: number('rate'), seconds: calm + seconds });
    await sleep(calm * 1000);
    const began = Date.now();
    const times = [];
    for (let count = 0; count < number('reloads'); count += 1) {
      const next = performance.now() + (seconds * 1000) / number('reloads');
      node.configure(1000, count + 1);
      times.push((await node.order('/reload')).ms);
      await sleep(Math.max(0, next - performance.now()));
    }
    const result = await load.requests();
    const p99 = (some) => percentile(some.map((one) => one.ms), 0.99);
    const [before, during] = [p99(result.times.filter(({ at }) => at < began)), p99(result.times.filter(({ at }) => at >= began))];
    const { lost, echoed } = sockets.close();
    await ended(node.child);
    const about = `${number('reloads')} reloads of 1,000 routes in ${number('seconds')} s at ${number('rate')} requests/s`;
    tell('O2', `${about}, ${number('sockets')} WebSockets open`, `${said(result)}; ${lost} WebSockets lost, ${echoed} echoes`, failures(result.errors) === 0 && lost === 0);
    tell('Q8', 'time of a reload, median and longest (must: 60 ms)', `${ms(median(times))}, ${ms(Math.max(...times))}`, median(times) <= 60);
    tell('Q8', 'p99 while reloading, against before (must: 2)', `${ms(during)} / ${ms(before)} = ${(during / before).toFixed(2)}`, during / before <= 2);
  },

  async upgrade() {
    node.configure(100);
    node.start();
    await node.firstAnswer();
    const load = new Load(port, { rate: number('rate') / 4, kept: false });
    const times = [];
    let last = node.child.pid;
    for (let count = 0; count < number('upgrades'); count += 1) {
      await sleep(500);
      const { successor, ms: took } = await node.order('/upgrade');
      times.push(took);
      last = successor;
    }
    await sleep(500);
    const result = await load.stop();
    process.kill(last, 'SIGTERM');
    await goneFrom(last);
    tell('O3', `${number('upgrades')} upgrades, a connection for each request`, `${said(result)}; an upgrade took ${ms(median(times))}`, failures(result.errors) === 0);
  },

  async soak() {
    node.configure(100, 0, '10m');
    node.start();
    await node.firstAnswer();
    const told = await soak(node, port, { seconds: number('seconds'), rate: number('rate'), sockets: Math.ceil(number('sockets') / 10) });
    process.kill(told.serving, 'SIGTERM');
    await goneFrom(told.serving);
    const [first, last] = [told.memory[0], told.memory.at(-1)].map((kib) => kib / 1024);
    const about = `${told.cycles} cycles of 5 reloads and an upgrade in ${number('seconds')} s under load`;
    tell('O2, O3', about, said(told), failures(told.errors) === 0);
    tell('O3', 'WebSockets that outlive two upgrades each', `${told.lost} lost, ${told.echoed} echoes`, told.lost === 0);
    tell('O3', 'old processes that stay when their last WebSocket has closed', `${told.stayed}`, told.stayed === 0);
    tell('Q7', 'memory of the serving process, first and last cycle', `${first.toFixed(1)} MiB, ${last.toFixed(1)} MiB`, last <= first + 8);
  },
};

try {
  for (const name of values.only.split(',')) await scenarios[name]();
} finally {
  node.child?.kill('SIGKILL');
  await app.close();
  rmSync(folder, { recursive: true, force: true });
}
const size = (statSync(values.binary).size / 1e6).toFixed(0);
process.stdout.write(`# The life of the process\n\n${new Date().toISOString()}, ${os.cpus().length} CPUs (${os.cpus()[0].model}), load ${os.loadavg()[0].toFixed(1)}, binary of ${size} MB, one worker thread\n\n`
  + `| promise | what | measured | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`);
process.exit(broken ? 1 : 0);
