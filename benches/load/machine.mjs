// The machine and the versions behind a series: without them a figure means nothing.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

import { ENVOY, envoyIsInstalled } from './envoy.mjs';

/** What every page of results says of itself. */
export const CLAIM = 'CPU time of the whole proxy process for each request, one worker on one CPU; load, upstream and '
  + 'issuer on another. Only the ratios within this page compare: absolute figures belong to this machine and this hour.';

const first = (text, pattern) => pattern.exec(text)?.[1] ?? 'unknown';
const output = (program, ...args) => {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`;
};

export const loadAverage = () => os.loadavg().map((value) => value.toFixed(1)).join(' ');

/** Read once, before the series. */
export function machine(binaries, root) {
  const git = (...args) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
  const commit = git('rev-parse', '--short=10', 'HEAD') + (changed ? '-changed' : '');
  return {
    date: new Date().toISOString().slice(0, 10),
    commit,
    facts: {
      CPU: `${first(readFileSync('/proc/cpuinfo', 'utf8'), /model name\s*: (.*)/)}, ${os.cpus().length} CPUs`,
      Kernel: os.release(),
      Ostia: output(binaries.ostia, 'version').trim().split('\n').join(', '),
      HAProxy: first(output('haproxy', '-v'), /version (\S+)/),
      NGINX: first(output('nginx', '-v'), /nginx\/(\S+)/),
      Envoy: envoyIsInstalled() ? first(output(ENVOY, '--version'), /\/(\d+\.\d+\.\d+)\//) : 'not installed, took no part',
      wrk: first(output('wrk', '-v'), /wrk (\S+)/),
      'Load average before': loadAverage(),
    },
  };
}
