// A browser in as few words as a bench needs: requests over kept connections, cookies, times.
import http from 'node:http';

/** Sends one request; status, fields, text and milliseconds. What breaks has no status but an error. */
export function exchange(agent, url, { method = 'GET', headers = {}, body } = {}) {
  const began = performance.now();
  return new Promise((resolve) => {
    const failed = (error) => resolve({ error: error.code ?? error.message, ms: performance.now() - began });
    const request = http.request(url, { method, headers, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).once('error', failed);
      response.once('end', () => resolve({
        status: response.statusCode, headers: response.headers,
        text: Buffer.concat(chunks).toString(), ms: performance.now() - began,
      }));
    });
    request.setTimeout(20_000, () => request.destroy(new Error('timeout')));
    request.once('error', failed).end(body);
  });
}

/** Connections that are kept: as many as a busy edge has to one party. */
export const agent = () => new http.Agent({ keepAlive: true, maxSockets: 256, scheduling: 'lifo' });

/** The cookies of one party. */
export class Jar {
  #cookies = new Map();

  keep(fields = []) {
    for (const field of fields) {
      const [pair, ...attributes] = field.split(';').map((text) => text.trim());
      const name = pair.slice(0, pair.indexOf('='));
      if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(name.length + 1));
    }
    return fields.length > 0;
  }

  field() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

const AS_PERSON = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

/**
 * Signs somebody in at `home`: there, to the provider, back with a code, and to the page. `atProvider` is the cookie of
 * whoever is signed on at the provider already. The jar with the session, or what went wrong and where.
 */
export async function signIn(kept, home, atProvider) {
  const [jar, origin] = [new Jar(), new URL(home).origin];
  const began = performance.now();
  for (let next = new URL(home), turn = 0; turn < 6; turn += 1) {
    const cookie = next.origin === origin ? jar.field() : atProvider;
    const answer = await exchange(kept, next, { headers: cookie ? { ...AS_PERSON, cookie } : AS_PERSON });
    if (answer.error) return { error: `${next.pathname}: ${answer.error}` };
    if (next.origin === origin) jar.keep(answer.headers['set-cookie']);
    if (answer.status === 200 && next.origin === origin) return { jar, ms: performance.now() - began };
    if (!answer.headers.location) return { error: `${next.pathname}: ${answer.status}` };
    next = new URL(answer.headers.location, next);
  }
  return { error: 'no end' };
}

/** Does `one(number)` so many times a second for so long, however long each takes; waits for the last. */
export async function atRate(perSecond, seconds, one) {
  const pending = new Set();
  const began = performance.now();
  const total = Math.round(perSecond * seconds);
  for (let number = 0; number < total;) {
    const due = Math.min(total, ((performance.now() - began) / 1000) * perSecond);
    for (; number < due; number += 1) {
      const doing = one(number).finally(() => pending.delete(doing));
      pending.add(doing);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const sent = performance.now() - began;
  await Promise.all(pending);
  return { sentIn: sent / 1000, doneIn: (performance.now() - began) / 1000 };
}

/** The value below which this share of them lies. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Counts by what happened. */
export class Tally {
  counts = {};

  add(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  get total() {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }
}
