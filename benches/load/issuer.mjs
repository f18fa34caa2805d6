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

/** Starts the issuer; it is idle while anything is measured. */
export async function startIssuer(port) {
  const issuer = `http://127.0.0.1:${port}`;
  const codes = new Map();
  const server = http.createServer((request, response) => answer(issuer, codes, request, response));
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return { issuer, accessToken: (alg, subject) => signed(alg, 'at+jwt', accessClaims(issuer, subject)), server };
}

function accessClaims(issuer, subject) {
  return {
    iss: issuer, aud: AUDIENCE, sub: subject, client_id: 'machine', scope: 'orders.read orders.write',
    email: `${subject}@bench.test`, groups: ['staff', 'finance', 'auditors'],
    iat: now(), exp: now() + LIFETIME, jti: randomBytes(12).toString('hex'),
  };
}

async function answer(issuer, codes, request, response) {
  const url = new URL(request.url, issuer);
  const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
  switch (url.pathname) {
    case '/.well-known/openid-configuration': return json(metadata(issuer));
    case '/jwks': return json({ keys: Object.entries(KEYS).map(jwk) });
    case '/authorize': return approve(url, codes, response);
    case '/token': return json(exchange(issuer, codes, new URLSearchParams(await body(request))));
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

function exchange(issuer, codes, form) {
  const asked = codes.get(form.get('code'));
  codes.delete(form.get('code'));
  const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
  if (!asked || asked.code_challenge !== challenge) return { error: 'invalid_grant' };
  const claims = { ...accessClaims(issuer, 'ana'), aud: CLIENT_ID, nonce: asked.nonce, auth_time: now() };
  return {
    token_type: 'Bearer', expires_in: LIFETIME, scope: asked.scope,
    access_token: signed('RS256', 'at+jwt', accessClaims(issuer, 'ana')),
    id_token: signed('RS256', 'JWT', claims),
  };
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
