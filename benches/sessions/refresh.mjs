// 10,000 sessions whose tokens end in the same minute: what their requests notice while all are refreshed.
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../load/process.mjs';
import { application } from '../life/node.mjs';
import { agent, atRate, exchange, percentile, signIn, Tally } from './client.mjs';
import { metrics } from './logins.mjs';

/** Tokens are refreshed this long before they end. */
const BEFORE_S = 40;
const CALM_S = 20;

export async function refresh({ binary, folder, sessions, rate, tell }) {
  if (sessions / rate > BEFORE_S * 0.6) throw new Error(`${rate} requests a second do not reach ${sessions} sessions in time`);
  const [issuerPort, port, admin] = await freePorts(3);
  const app = await application();
  const base = `http://127.0.0.1:${port}/`;
  const signingInS = sessions / 100 + 5;
  // In the middle of a second: a session knows whole seconds, and here most differs between what it knows and what is so.
  const endsAt = Math.ceil(Date.now() / 1000 + signingInS + CALM_S + BEFORE_S + 5) + 0.5;
  const log = openSync(`${folder}/log`, 'a');
  const issuer = spawn(process.execPath, [new URL('issuer.mjs', import.meta.url).pathname, String(issuerPort), String(endsAt)],
    { stdio: ['ignore', log, log] });
  const file = `${folder}/ostia.yaml`;
  writeFileSync(file, configuration(folder, issuerPort, port, admin, app.address().port), { mode: 0o600 });
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(50)) {
    if (!(await exchange(undefined, `http://127.0.0.1:${issuerPort}/told`)).error) break;
  }
  const node = spawn(binary, ['run', '-c', file], { stdio: ['ignore', log, log] });
  const gone = new Promise((resolve) => node.once('exit', resolve));
  const kept = agent();
  try {
    const jars = await signAllIn(kept, base, sessions, signingInS, folder);
    const turn = async (seconds) => {
      const [times, failed] = [[], new Tally()];
      await atRate(rate, seconds, async (number) => {
        const jar = jars[number % jars.length];
        const answer = await exchange(kept, base, { headers: { cookie: jar.field() } });
        if (answer.status !== 200) return failed.add(answer.error ?? answer.status);
        jar.keep(answer.headers['set-cookie']);
        times.push(answer.ms);
      });
      return { times, failed };
    };
    await sleep(Math.max(0, (endsAt - BEFORE_S - CALM_S - 1) * 1000 - Date.now()));
    const calm = await turn(CALM_S - 1);
    const early = await told(kept, issuerPort);
    await sleep(Math.max(0, (endsAt - BEFORE_S) * 1000 - Date.now()));
    const busy = await turn(BEFORE_S - 2);
    const { refreshes, twice } = await told(kept, issuerPort);
    const counted = await metrics(kept, `http://127.0.0.1:${admin}`, 'ostia_session_refreshes_total', 'outcome');
    const [before, during] = [percentile(calm.times, 0.99), percentile(busy.times, 0.99)];
    tell('issue 4, Q11', `${sessions} sessions refreshed within ${BEFORE_S} s at ${rate} requests a second`,
      `${refreshes} refreshes at the issuer (${early.refreshes} before the minute), counted by Ostia ${JSON.stringify(counted)}, ${twice} tokens presented twice, `
      + `${calm.failed.total + busy.failed.total} requests failed ${JSON.stringify(busy.failed.counts)}; `
      + `p50 ${percentile(calm.times, 0.5).toFixed(2)} ms, meanwhile ${percentile(busy.times, 0.5).toFixed(2)} ms; `
      + `p99 ${before.toFixed(2)} ms, meanwhile ${during.toFixed(2)} ms (${(during / before).toFixed(2)})`,
      refreshes === sessions && twice === 0 && calm.failed.total + busy.failed.total === 0 && during <= before * 1.2 + 0.5);
  } finally {
    kept.destroy();
    node.kill('SIGTERM');
    issuer.kill('SIGTERM');
    app.close();
    app.closeAllConnections?.();
    await gone;
  }
}

async function signAllIn(kept, base, sessions, seconds, folder) {
  const first = await until(kept, base, folder);
  const [jars, failed] = [[first], new Tally()];
  await atRate(Math.max(10, sessions / (seconds - 5)), (sessions - 1) / Math.max(10, sessions / (seconds - 5)), async () => {
    const { error, jar } = await signIn(kept, base);
    if (error) failed.add(error);
    else jars.push(jar);
  });
  if (jars.length !== sessions) throw new Error(`${jars.length} of ${sessions} signed in: ${JSON.stringify(failed.counts)}`);
  return jars;
}

/** Signs in as soon as that works. */
async function until(kept, base, folder) {
  let last;
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(200)) {
    const { error, jar } = await signIn(kept, base);
    if (jar) return jar;
    last = error;
  }
  throw new Error(`nobody can sign in: ${last}\n${readFileSync(`${folder}/log`, 'utf8').slice(-2000)}`);
}

async function told(kept, issuerPort) {
  return JSON.parse((await exchange(kept, `http://127.0.0.1:${issuerPort}/told`)).text);
}

function configuration(folder, issuerPort, port, admin, upstream) {
  return `version: 1
listeners: { http: { bind: "127.0.0.1:${port}" } }
admin: { bind: "127.0.0.1:${admin}", socket: ${folder}/admin.sock }
runtime: { threads: 1, state_dir: ${folder}/state }
provider:
  issuer: http://127.0.0.1:${issuerPort}
  client_id: ostia-bench
  client_secret: not-a-secret
  redirect_uri: http://127.0.0.1:${port}/.ostia/callback
sessions: { refresh_before: ${BEFORE_S}s }
upstreams: { app: { servers: ["127.0.0.1:${upstream}"] } }
logs: { access: { to: none } }
routes: [{ host: "127.0.0.1", allow: authenticated, upstream: app }]
`;
}
