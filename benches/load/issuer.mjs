// The issuer of the bench: discovery, two keys, tokens in any number, and a code flow that asks nobody.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import http from 'node:http';

export const AUDIENCE = 'https://api.bench.test';
export const CLIENT_ID = 'ostia-bench';
export const CLIENT_SECRET = 'not-a-secret';

const KEYS = {
  RS256: { ...generateKeyPairSync('rsa', { modulusLength: 2048 }), kid: 'rsa-1', dsaEncoding: undefined },
  ES256: { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }), kid: 'ec-1', dsaEncoding: 'ieee-p1363' },
};
const LIFETIME = 4 * 3600;

const now = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed(alg, typ, claims) {
  const { privateKey, kid, dsaEncoding } = KEYS[alg];
  const input = `${part({ alg, typ, kid })}.${part(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding }).toString('base64url')}`;
}

/** The public RSA key as PEM, for peers that take no key set. */
export const rsaPublicKey = () => KEYS.RS256.publicKey.export({ type: 'spki', format: 'pem' });

/** The public keys as a key set, for peers that fetch none. */
export const keySet = () => ({ keys: Object.entries(KEYS).map(jwk) });

/**
 * Starts the issuer; the load bench leaves it idle while anything is measured. `lifetime()`: seconds that an access token
 * of the code flow lives; `refreshes`: with refresh tokens, each worth one use; `told` counts what was seen of them.
 */
export async function startIssuer(port, { lifetime = () => LIFETIME, refreshes = false, idTokenAlgorithm = 'RS256' } = {}) {
  const issuer = `http://127.0.0.1:${port}`;
  const state = { codes: new Map(), tokens: refreshes ? new Set() : null, told: { logins: 0, refreshes: 0, twice: 0 }, lifetime, idTokenAlgorithm };
  const server = http.createServer((request, response) => answer(issuer, state, request, response));
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return { issuer, accessToken: (alg, subject) => signed(alg, 'at+jwt', accessClaims(issuer, subject)), server, told: state.told };
}

function accessClaims(issuer, subject) {
  return {
    iss: issuer, aud: AUDIENCE, sub: subject, client_id: 'machine', scope: 'orders.read orders.write',
    email: `${subject}@bench.test`, groups: ['staff', 'finance', 'auditors'],
    iat: now(), exp: now() + LIFETIME, jti: randomBytes(12).toString('hex'),
  };
}

async function answer(issuer, state, request, response) {
  const url = new URL(request.url, issuer);
  const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
  switch (url.pathname) {
    case '/.well-known/openid-configuration': return json(metadata(issuer));
    case '/jwks': return json(keySet());
    case '/authorize': return approve(url, state.codes, response);
    case '/token': return json(exchange(issuer, state, new URLSearchParams(await body(request))));
    default: return response.writeHead(404).end();
  }
}

const metadata = (issuer) => ({
  issuer, jwks_uri: `${issuer}/jwks`,
  authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`,
  response_types_supported: ['code'], subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: Object.keys(KEYS), code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic'],
});

const jwk = ([alg, { publicKey, kid }]) => ({ ...publicKey.export({ format: 'jwk' }), alg, kid, use: 'sig' });

/** Everybody who asks is signed in as the same person. */
function approve(url, codes, response) {
  const code = randomBytes(16).toString('base64url');
  codes.set(code, Object.fromEntries(url.searchParams));
  const back = new URL(url.searchParams.get('redirect_uri'));
  back.searchParams.set('code', code);
  back.searchParams.set('state', url.searchParams.get('state'));
  response.writeHead(303, { location: back.href }).end();
}

function exchange(issuer, state, form) {
  if (form.get('grant_type') === 'refresh_token') return refreshed(issuer, state, form.get('refresh_token'));
  const asked = state.codes.get(form.get('code'));
  state.codes.delete(form.get('code'));
  const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
  if (!asked || asked.code_challenge !== challenge) return { error: 'invalid_grant' };
  state.told.logins += 1;
  return granted(issuer, state, { nonce: asked.nonce, auth_time: now() }, asked.scope, state.lifetime());
}

function refreshed(issuer, state, token) {
  state.told.refreshes += 1;
  if (!state.tokens?.delete(token)) {
    state.told.twice += 1;
    return { error: 'invalid_grant' };
  }
  return granted(issuer, state, {}, undefined, LIFETIME);
}

function granted(issuer, state, about, scope, expiresIn) {
  const alg = state.idTokenAlgorithm;
  const refreshToken = state.tokens && randomBytes(24).toString('base64url');
  state.tokens?.add(refreshToken);
  return {
    token_type: 'Bearer', expires_in: expiresIn, scope,
    access_token: signed(alg, 'at+jwt', accessClaims(issuer, 'ana')),
    id_token: signed(alg, 'JWT', { ...accessClaims(issuer, 'ana'), aud: CLIENT_ID, ...about }),
    ...(refreshToken && { refresh_token: refreshToken }),
  };
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
