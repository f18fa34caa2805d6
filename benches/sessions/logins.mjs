// 1,000 people a second sign in, through the whole code flow, at the demo: its provider, its upstreams, the real proxy.
// The people are a program of their own (`browsers`), which costs a tenth of what they would cost here.
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { agent, exchange, Jar } from './client.mjs';

export async function logins({ binary, browsers, rate, seconds, tell }) {
  const demo = await startDemo(binary);
  const kept = agent();
  try {
    const atProvider = await signOn(kept, demo.base);
    // The demo hears `localhost` on both families; connections are opened and keys are fetched before it counts.
    const load = async (perSecond, lasting) => JSON.parse((await promisify(execFile)(browsers,
      [demo.base, atProvider, String(perSecond), String(lasting)])).stdout);
    await load(Math.min(50, rate), 2);
    const before = await succeeded(kept, demo.admin);
    const spent = cpuSeconds(demo.child.pid);
    const { done, seconds: took, cpu, p50, p99, failed } = await load(rate, seconds);
    const cost = cpuSeconds(demo.child.pid) - spent;
    const counted = await succeeded(kept, demo.admin) - before;
    const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
    tell('issue 4', `${rate} sign-ins a second for ${seconds} s`,
      `${done} done in ${took.toFixed(1)} s (${(done / took).toFixed(0)} a second), ${failures} failed ${JSON.stringify(failed)}, `
      + `${counted} counted by Ostia; a whole sign-in took ${p50.toFixed(1)} ms at the median, ${p99.toFixed(1)} ms at p99, `
      + `and ${(cost / done * 1e3).toFixed(2)} ms of CPU in the process of Ostia, the provider and the application, `
      + `${(cpu / done * 1e3).toFixed(2)} ms in that of the browsers`,
      failures === 0 && counted === rate * seconds && done === counted && done / took >= rate * 0.95);
  } finally {
    kept.destroy();
    demo.child.kill('SIGTERM');
    await demo.gone;
  }
}

const succeeded = (kept, admin) => metric(kept, admin, 'ostia_oidc_logins_total', 'outcome="succeeded"');

/** CPU time that a process took so far (`/proc/PID/stat`, in hundredths of a second). */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Starts `ostia demo`; where it is, as its screen tells. */
async function startDemo(binary) {
  const child = spawn(binary, ['demo'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  let screen = '';
  child.stdout.on('data', (text) => { screen += text; });
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
    const [base, admin] = [/Open +(\S+)/, /Metrics +(http:\S+)\/metrics/].map((line) => line.exec(screen)?.[1]);
    if (base && admin && screen.includes('Config')) return { base: `${base}/`, admin, child, gone };
    if (child.exitCode !== null) break;
  }
  child.kill('SIGKILL');
  throw new Error(`the demo does not start:\n${screen}`);
}

/** Signs ana on at the provider, by its form; the cookie that says so. */
async function signOn(kept, home) {
  const asPerson = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };
  const sent = await exchange(kept, home, { headers: asPerson });
  const authorize = new URL(sent.headers.location, home);
  const form = await exchange(kept, authorize, { headers: asPerson });
  const jar = new Jar();
  jar.keep(form.headers['set-cookie']);
  const unescaped = (text) => text.replace(/&(amp|quot|lt|gt|#39|#x27);/g,
    (_, name) => ({ amp: '&', quot: '"', lt: '<', gt: '>' })[name] ?? "'");
  const fields = new URLSearchParams({ username: 'ana', password: 'demo' });
  for (const [, name, value] of form.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) {
    fields.set(name, unescaped(value));
  }
  const action = unescaped(/<form method="post" action="([^"]+)"/.exec(form.text)?.[1] ?? '');
  const done = await exchange(kept, new URL(action, authorize), {
    method: 'POST', body: fields.toString(),
    headers: { ...asPerson, 'content-type': 'application/x-www-form-urlencoded', cookie: jar.field() },
  });
  jar.keep(done.headers?.['set-cookie']);
  if (!done.headers?.location) throw new Error(`the provider did not sign ana on: ${done.status ?? done.error}`);
  return jar.field();
}

/** The sum of a metric's series that have this label. */
export async function metric(kept, admin, name, label) {
  const sums = await metrics(kept, admin, name, label.slice(0, label.indexOf('=')));
  return sums[label.slice(label.indexOf('"') + 1, -1)] ?? 0;
}

/** The sums of a metric's series by the values of one label. */
export async function metrics(kept, admin, name, label) {
  const { text = '' } = await exchange(kept, `${admin}/metrics`);
  const sums = {};
  for (const line of text.split('\n').filter((one) => one.startsWith(`${name}{`))) {
    const value = new RegExp(`[{,]${label}="([^"]*)"`).exec(line)?.[1];
    sums[value] = (sums[value] ?? 0) + Number(line.slice(line.lastIndexOf(' ')));
  }
  return sums;
}
