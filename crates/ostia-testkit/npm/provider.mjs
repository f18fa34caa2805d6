// A certified OpenID provider as the tests need it. Started by `NodeProvider`; loopback only.
//
// argv[2]: { "port": number, "clients": [...], "accessTokenSeconds": number, "audience": string, "opaque": string,
//            "options": { "requirePushed": boolean, "dpopNonce": boolean, "tls": { "key", "cert", "ca" } } }
// Tokens for the resource `opaque` are no JWTs.
// The first line on stdout is the issuer. Calls under /__control are the test's own and no part of the protocol.
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { generateKeyPair, exportJWK } from 'jose';
import Provider from 'oidc-provider';

const wanted = JSON.parse(process.argv[2]);
const { requirePushed = false, dpopNonce = false, tls } = wanted.options;
const people = {
  ana: { groups: ['staff', 'finance'], email: 'ana@example.com' },
  bo: { groups: ['staff'], email: 'bo@example.com' },
};
const calls = [];
let keyNumber = 0;
let dark = false;
let handle;

async function freshKeys() {
  keyNumber += 1;
  const pair = async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-${keyNumber}` };
  };
  return Promise.all([pair('RS256'), pair('ES256')]);
}

// The certificate of the client: of the connection, or as a TLS terminator in front would tell it.
function shown(ctx) {
  const der = ctx.get('x-test-client-certificate');
  if (der) {
    return new X509Certificate(Buffer.from(der, 'base64'));
  }
  return ctx.req.socket.getPeerX509Certificate?.();
}

function configuration(keys) {
  return {
    clients: wanted.clients,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'none'],
    jwks: { keys },
    cookies: { keys: ['cookies of the provider, not of the proxy'] },
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
    scopes: ['openid', 'offline_access', 'orders.read'],
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    ttl: {
      AccessToken: wanted.accessTokenSeconds, ClientCredentials: wanted.accessTokenSeconds,
      AuthorizationCode: 60, IdToken: 600, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600,
    },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => dpopNonce },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: requirePushed },
      // The tests speak plain HTTP to the provider; what a TLS terminator in front of it would tell stands in a field.
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        tlsClientAuth: true,
        certificateAuthorized: (ctx) => ctx.req.socket.authorized === true,
        certificateSubjectMatches: (ctx, property, expected) =>
          property === 'tls_client_auth_san_dns' && shown(ctx)?.checkHost(expected) !== undefined,
        getCertificate: shown,
      },
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => wanted.audience,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'orders.read',
          audience: wanted.audience,
          accessTokenFormat: resource === wanted.opaque ? 'opaque' : 'jwt',
          accessTokenTTL: wanted.accessTokenSeconds,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    extraTokenClaims: (_ctx, token) => ({ groups: people[token.accountId]?.groups ?? [] }),
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: sub, email_verified: true, groups: [], ...people[sub] }),
    }),
    // Its own fetch refuses loopback addresses, and everything here is on loopback.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  };
}

function build(keys) {
  const provider = new Provider(issuer, configuration(keys));
  provider.on('server_error', (_ctx, error) => console.error('server_error', error.message));
  handle = provider.callback();
}

const controls = {
  calls: async () => calls,
  dark: async () => { dark = true; },
  light: async () => { dark = false; },
  // New keys sign from now on; the old ones are gone, as after a revocation.
  rotate: async () => build(await freshKeys()),
};

const serve = (request, response) => {
  const { pathname } = new URL(request.url, 'http://provider.invalid');
  const control = pathname.startsWith('/__control/') && controls[pathname.slice('/__control/'.length)];
  if (control) {
    control().then((answer) => response.end(JSON.stringify(answer ?? null)));
    return;
  }
  calls.push(`${request.method} ${pathname}`);
  if (dark) {
    request.socket.destroy();
    return;
  }
  handle(request, response);
};
const server = tls
  ? createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, serve)
  : createServer(serve);

let issuer;
server.listen(wanted.port, '127.0.0.1', async () => {
  issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  build(await freshKeys());
  console.log(issuer);
});
// The tests hold our stdin open: when they die, so do we.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
