// 1,000 people a second sign in, through the whole code flow, at the demo: its provider, its upstreams, the real proxy.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { agent, atRate, exchange, Jar, percentile, signIn, Tally } from './client.mjs';

export async function logins({ binary, rate, seconds, tell }) {
  const demo = await startDemo(binary);
  const kept = agent();
  try {
    const atProvider = await signOn(kept, demo.base);
    // Connections are opened and keys are fetched before it counts.
    await atRate(Math.min(50, rate), 2, () => signIn(kept, demo.base, atProvider));
    const [times, failed] = [[], new Tally()];
    const { sentIn, doneIn } = await atRate(rate, seconds, async () => {
      const { error, ms } = await signIn(kept, demo.base, atProvider);
      if (error) failed.add(error);
      else times.push(ms);
    });
    const counted = await metric(kept, demo.admin, 'ostia_oidc_logins_total', 'outcome="succeeded"');
    const perSecond = times.length / doneIn;
    tell('issue 4', `${rate} sign-ins a second for ${seconds} s`,
      `${times.length} done (${perSecond.toFixed(0)} a second; sent in ${sentIn.toFixed(1)} s, done in ${doneIn.toFixed(1)} s), `
      + `${failed.total} failed ${JSON.stringify(failed.counts)}, ${counted} counted by Ostia; a whole sign-in took `
      + `${percentile(times, 0.5).toFixed(1)} ms at the median, ${percentile(times, 0.99).toFixed(1)} ms at p99`,
      failed.total === 0 && perSecond >= rate * 0.95);
  } finally {
    kept.destroy();
    demo.child.kill('SIGTERM');
    await demo.gone;
  }
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
