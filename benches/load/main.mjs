// The load bench: builds, starts everybody, lets them take turns, tells what each request cost.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { startAll } from './contestants.mjs';
import { envoyIsInstalled } from './envoy.mjs';
import { startIssuer } from './issuer.mjs';
import { loadAverage, machine } from './machine.mjs';
import { measure } from './measure.mjs';
import { endAll, freePorts } from './process.mjs';
import { report } from './report.mjs';
import { BESIDE, PROCESSES, prepare, scenarios } from './scenarios.mjs';

const HELP = `benches/load/run [options]

Measures CPU time per request of Ostia, a bare Pingora proxy, HAProxy, NGINX and Envoy on this machine.

  --rounds N         times that everybody has a turn (5)
  --seconds N        length of one turn (5)
  --only A,B         only these scenarios: ${Object.keys(PROCESSES).join(', ')}
  --profile NAME     the build profile (release)
  --binaries FOLDER  measure the binaries that are there instead of building
  --no-results       print the page, do not write it to benches/results
`;

const root = fileURLToPath(new URL('../..', import.meta.url));

function choices() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      rounds: { ...text, default: '5' }, seconds: { ...text, default: '5' }, only: text,
      profile: { ...text, default: 'release' }, binaries: text,
      'no-results': { type: 'boolean' }, help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const wanted = values.only?.split(',') ?? Object.keys(PROCESSES);
  const [rounds, seconds] = [values.rounds, values.seconds].map((value) => Number.parseInt(value, 10));
  if (!(rounds > 0 && seconds > 0) || wanted.some((key) => !(key in PROCESSES))) {
    process.stderr.write(HELP);
    process.exit(64);
  }
  return { ...values, rounds, seconds, wanted: new Set(wanted) };
}

/** Builds both in one call, so that both have the same features of every dependency. */
function binaries({ profile, binaries: folder }) {
  if (!folder) {
    execFileSync('cargo', ['build', '--profile', profile, '-p', 'ostia', '-p', 'bare-pingora'], { cwd: root, stdio: 'inherit' });
  }
  const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
  const built = path.resolve(folder ?? path.join(target, profile === 'dev' ? 'debug' : profile));
  return { ostia: path.join(built, 'ostia'), bare: path.join(built, 'bare-pingora') };
}

/** Everybody has a turn in each round; every other round goes backwards, so nobody is always first. */
async function play(measured, contestants, { rounds, seconds }) {
  const turns = measured.flatMap((scenario) => Object.keys(scenario.contestants).flatMap((name) => {
    const turn = { key: `${scenario.key} ${name}`, scenario, name };
    const beside = { key: `${scenario.key} ${BESIDE}`, scenario: scenario.beside, name };
    return scenario.beside && name === 'ostia' ? [turn, beside] : [turn];
  }));
  const series = new Map(turns.map(({ key }) => [key, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { key, scenario, name } of round % 2 ? [...turns].reverse() : turns) {
      const run = await measure(scenario, name, contestants[scenario.contestants[name].contestant].pid, seconds);
      series.get(key).push(run);
      process.stderr.write(`round ${round + 1}: ${key}: ${run.cpu.toFixed(1)} µs, ${Math.round(run.perSecond)}/s\n`);
    }
  }
  return series;
}

async function bench(chosen, folder) {
  const programs = binaries(chosen);
  const about = machine(programs, root);
  const issuer = await startIssuer((await freePorts(1))[0]);
  const absent = new Set(envoyIsInstalled() ? [] : ['envoy']);
  if (absent.size) process.stderr.write('Envoy is not installed and takes no part; `make bench-deps` installs it.\n');
  const processes = new Set([...chosen.wanted].flatMap((key) => PROCESSES[key]).filter((name) => !absent.has(name)));
  const { contestants, ports } = await startAll(folder, programs, issuer.issuer, processes);
  const measured = await scenarios(ports, issuer, chosen.wanted, absent);
  for (const scenario of new Set(measured.flatMap((one) => [one, one.beside ?? one]))) await prepare(scenario, folder);
  const series = await play(measured, contestants, chosen);
  about.facts['Load average after'] = loadAverage();
  const command = ['benches/load/run', ...process.argv.slice(2)].join(' ');
  return { about, ...report(series, measured, about, command) };
}

async function main() {
  const chosen = choices();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ostia-bench-'));
  const leave = async () => {
    await endAll();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => leave().then(() => process.exit(130)));
  try {
    const { about, text, kept } = await bench(chosen, folder);
    process.stdout.write(`\n${text}`);
    if (!chosen['no-results']) writeFileSync(path.join(root, 'benches/results', `${about.date}-${about.commit}.md`), text);
    process.exitCode = kept ? 0 : 1;
  } finally {
    await leave();
  }
  process.exit();
}

await main();
