// Sign-ins and refreshes in great number.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { logins } from './logins.mjs';
import { refresh } from './refresh.mjs';

const root = path.resolve(import.meta.dirname ?? '.', '../..');
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
const { values } = parseArgs({ options: {
  binary: { type: 'string', default: path.join(target, 'release/ostia') },
  browsers: { type: 'string' },
  only: { type: 'string', default: 'logins,refresh' },
  logins: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '20' },
  sessions: { type: 'string', default: '10000' }, rate: { type: 'string', default: '500' },
  help: { type: 'boolean' },
} });
if (values.help) {
  process.stdout.write('benches/sessions/run [--binary PATH] [--only logins,refresh]\n'
    + '  [--browsers PATH]               the program that signs in; built if none is given\n'
    + '  [--logins 1000 --seconds 20]    sign-ins a second at `ostia demo`, and for how long\n'
    + '  [--sessions 10000 --rate 500]   sessions whose tokens end at once, and requests a second by all of them\n'
    + 'Exit status 1: something failed, or a bound was broken.\n');
  process.exit(0);
}

function builtBrowsers() {
  execFileSync('cargo', ['build', '--release', '-p', 'bench-browsers'], { cwd: root, stdio: 'inherit' });
  return path.join(target, 'release/bench-browsers');
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'ostia-sessions-'));
const rows = [];
let broken = false;
const tell = (id, what, value, holds) => {
  broken ||= !holds;
  rows.push(`| ${id} | ${what} | ${value} | ${holds ? 'kept' : '**broken**'} |`);
};
const { binary } = values;
const scenarios = {
  logins: () => logins({ binary, browsers: values.browsers ?? builtBrowsers(), rate: Number(values.logins), seconds: Number(values.seconds), tell }),
  refresh: () => refresh({ binary, folder, sessions: Number(values.sessions), rate: Number(values.rate), tell }),
};
try {
  for (const name of values.only.split(',')) await scenarios[name]();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const size = (statSync(binary).size / 1e6).toFixed(0);
process.stdout.write(`# Sessions\n\n${new Date().toISOString()}, ${os.cpus().length} CPUs (${os.cpus()[0].model}), load ${os.loadavg()[0].toFixed(1)}, binary of ${size} MB; clients, provider and proxy share the machine\n\n`
  + `| promise | what | measured | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`);
process.exit(broken ? 1 : 0);
