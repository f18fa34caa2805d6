// A browser's part of a sign-in: follows the redirects, keeps the cookies, comes back with a session.
import http from 'node:http';

const MAX_REDIRECTS = 8;

/** One GET on a connection of its own; a redirect is an answer like any other. */
export function get(url, headers = {}) {
  return new Promise((resolve, reject) => {
    http.get(url, { headers, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).once('error', reject);
      response.once('end', () => resolve({
        status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString(),
      }));
    }).once('error', reject);
  });
}

/** Signs in at a route of Ostia; the `Cookie` field that opens it. */
export async function signIn(url) {
  const jar = new Map();
  const home = new URL(url).host;
  for (let next = new URL(url), turn = 0; turn < MAX_REDIRECTS; turn += 1) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const asPerson = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    const answer = await get(next, next.host === home && cookie ? { ...asPerson, cookie } : asPerson);
    if (next.host === home) keep(jar, answer.headers['set-cookie'] ?? []);
    if (answer.status === 200) return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    if (!answer.headers.location) throw new Error(`signing in at ${next.origin}${next.pathname}: ${answer.status} ${answer.body}`);
    next = new URL(answer.headers.location, next);
  }
  throw new Error(`signing in at ${url} ends nowhere`);
}

function keep(jar, fields) {
  for (const field of fields) {
    const [pair, ...attributes] = field.split(';').map((text) => text.trim());
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const ended = attributes.some((attribute) => /^max-age=0$/i.test(attribute));
    if (ended) jar.delete(name);
    else jar.set(name, value);
  }
}
