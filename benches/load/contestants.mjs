// The contestants: their configurations on loopback, each with one worker on one CPU, and what each is asked.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { ENVOY, envoyArguments, envoyConfig } from './envoy.mjs';
import { AUDIENCE, CLIENT_ID, CLIENT_SECRET, rsaPublicKey } from './issuer.mjs';
import { freePorts, listening, start } from './process.mjs';

/** Proxies run here, the load, the upstream and the issuer on the other. */
export const PROXY_CPU = 0;
export const LOAD_CPU = 1;

export const BODY_BYTES = 1024;
const ROUTES = 100;
const SERVERS = 4;
/** Q6: so many routes of a node, and so many servers of an upstream. */
const MANY_ROUTES = 10_000;
const MANY_SERVERS = 1000;

/** Starts the upstream and every contestant that `wanted` names; tells where each listens and which process to watch. */
export async function startAll(folder, binaries, issuer, wanted) {
  const ports = portsOf(await freePorts(PORTS.length + SERVERS));
  const place = { folder, ports, issuer, pem: certificate(folder) };
  const upstream = start(LOAD_CPU, log(folder, 'upstream'), 'nginx', ...nginx(folder, 'upstream', upstreamConfig(ports)));
  await listening(upstream, ports.servers[0]);
  const contestants = {};
  for (const [name, { command, port }] of Object.entries(table(binaries, place))) {
    if (!wanted.has(name)) continue;
    const [program, ...args] = command();
    const child = start(PROXY_CPU, log(folder, name), program, ...args);
    await listening(child, ports[port]);
    contestants[name] = { pid: child.pid };
  }
  return { contestants, ports };
}

function table(binaries, place) {
  const { folder, ports } = place;
  const ostia = (name, text) => [binaries.ostia, 'run', '-c', written(folder, `${name}.yaml`, text)];
  return {
    'bare-pingora': {
      port: 'bare',
      command: () => [binaries.bare, `127.0.0.1:${ports.bare}`, `127.0.0.1:${ports.servers[0]}`],
    },
    ostia: { port: 'ostia', command: () => ostia('ostia', ostiaConfig(place, ports.ostia, ports.ostiaAdmin, 'none')) },
    'ostia-logging': {
      port: 'logging',
      command: () => ostia('ostia-logging', ostiaConfig(place, ports.logging, ports.loggingAdmin, `${folder}/access.jsonl`)),
    },
    'ostia-one': { port: 'one', command: () => ostia('ostia-one', ostiaPlain(place, 'one', [''], 1)) },
    'ostia-routes': { port: 'routes', command: () => ostia('ostia-routes', ostiaPlain(place, 'routes', manyRoutes, 1)) },
    'ostia-few-servers': { port: 'few', command: () => ostia('ostia-few-servers', ostiaPlain(place, 'few', [''], SERVERS)) },
    'ostia-many-servers': { port: 'many', command: () => ostia('ostia-many-servers', ostiaPlain(place, 'many', [''], MANY_SERVERS)) },
    'ostia-everything': { port: 'everything', command: () => ostia('ostia-everything', ostiaEverything(place)) },
    haproxy: { port: 'haproxy', command: () => ['haproxy', '-db', '-f', written(folder, 'haproxy.cfg', haproxyConfig(place))] },
    envoy: { port: 'envoy', command: () => [ENVOY, ...envoyArguments(written(folder, 'envoy.json', envoyConfig(place, paths)))] },
    nginx: { port: 'nginx', command: () => ['nginx', ...nginx(folder, 'nginx', nginxConfig(place))] },
  };
}

const PORTS = ['bare', 'ostia', 'ostiaTls', 'ostiaAdmin', 'logging', 'loggingTls', 'loggingAdmin', 'everything',
  'everythingAdmin', 'one', 'oneAdmin', 'routes', 'routesAdmin', 'few', 'fewAdmin', 'many', 'manyAdmin', 'haproxy', 'haproxyTls',
  'haproxyEverything', 'envoy', 'envoyTls', 'envoyBearer', 'envoyEverything', 'nginx', 'nginxTls'];

function portsOf(free) {
  return { ...Object.fromEntries(PORTS.map((name, index) => [name, free[index]])), servers: free.slice(-SERVERS) };
}

const log = (folder, name) => path.join(folder, `${name}.log`);

function written(folder, name, text) {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** A P-256 certificate, the kind that everybody gets from a public CA. */
function certificate(folder) {
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-subj', '/CN=bench.test', '-addext', 'subjectAltName=DNS:bench.test,IP:127.0.0.1', '-days', '2',
    '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const both = path.join(folder, 'both.pem');
  writeFileSync(both, execFileSync('cat', [cert, key]), { mode: 0o600 });
  return { cert, key, both };
}

// ---- Ostia ----

const ostiaListener = (port, { cert, key }) => `{ bind: "127.0.0.1:${port}", protocols: [http/1.1], tls: `
  + `{ min_version: "1.3", certificates: [{ cert_file: ${cert}, key_file: ${key} }] } }`;

const provider = (issuer) => `provider:
  issuer: ${issuer}
  access_token: { audience: ${AUDIENCE} }`;

const ending = (folder, admin, access) => `
logs: { access: { to: ${access} } }
admin: { bind: "127.0.0.1:${admin}" }
runtime: { threads: 1, state_dir: ${folder}/state-${admin}, drain: { deadline: 1s } }
`;

function ostiaConfig({ folder, ports, issuer, pem }, port, admin, access) {
  const tls = port === ports.ostia ? ports.ostiaTls : ports.loggingTls;
  mkdirSync(`${folder}/state-${admin}`);
  return `version: 1
listeners:
  http: { bind: "127.0.0.1:${port}" }
  https: ${ostiaListener(tls, pem)}
${provider(issuer)}
  client_id: ${CLIENT_ID}
  client_secret: ${CLIENT_SECRET}
  redirect_uri: http://127.0.0.1:${port}/.ostia/callback
routes:
  - { host: 127.0.0.1, path: /, allow: anyone, upstream: "127.0.0.1:${ports.servers[0]}" }
  - { host: 127.0.0.1, path: /bearer, allow: authenticated, credentials: [bearer], upstream: "127.0.0.1:${ports.servers[0]}" }
  - { host: 127.0.0.1, path: /session, allow: authenticated, credentials: [session], upstream: "127.0.0.1:${ports.servers[0]}" }
${ending(folder, admin, access)}`;
}

const paths = Array.from({ length: ROUTES }, (_, index) => `/service-${index}/`);

function ostiaEverything({ folder, ports, issuer, pem }) {
  mkdirSync(`${folder}/state-${ports.everythingAdmin}`);
  const routes = paths.map((prefix) => `  - { host: 127.0.0.1, path: ${prefix}, allow: reader, credentials: [bearer], upstream: app }`);
  return `version: 1
listeners: { https: ${ostiaListener(ports.everything, pem)} }
${provider(issuer)}
policies: { reader: { scope: orders.read } }
upstreams:
  app:
    servers: [${ports.servers.map((server) => `"127.0.0.1:${server}"`).join(', ')}]
    balance: consistent_hash
    affinity: session
routes:
${routes.join('\n')}
${ending(folder, ports.everythingAdmin, 'none')}`;
}

/** The paths of the routes in `routes-10000`; requests go to each hundredth. */
const manyRoutes = Array.from({ length: MANY_ROUTES }, (_, index) => `service-${index}/`);
export const ASKED_OF_MANY = manyRoutes.filter((_, index) => index % 100 === 57).map((route) => `/${route}orders`);

/** Servers of one upstream: all are the one NGINX, at addresses of loopback of their own. */
const serverAt = (index) => `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;

/** Open routes to so many servers; nothing else. */
function ostiaPlain({ folder, ports }, port, routes, servers) {
  const admin = ports[`${port}Admin`];
  mkdirSync(`${folder}/state-${admin}`);
  const addresses = Array.from({ length: servers }, (_, index) => `"${serverAt(index)}:${ports.servers[0]}"`);
  return `version: 1
listeners: { http: { bind: "127.0.0.1:${ports[port]}" } }
upstreams: { app: { servers: [${addresses.join(', ')}] } }
routes:
${routes.map((route) => `  - { host: 127.0.0.1, path: /${route}, allow: anyone, upstream: app }`).join('\n')}
${ending(folder, admin, 'none')}`;
}

// ---- NGINX: the upstream, and a contestant ----

function nginx(folder, name, http) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${folder}/${name}-${kind};`).join('\n');
  const text = `daemon off;
master_process off;
worker_processes 1;
pid ${folder}/${name}.pid;
error_log stderr warn;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 1000000000;
${temporary}
${http}
}
`;
  return ['-e', 'stderr', '-p', folder, '-c', written(folder, `${name}.conf`, text)];
}

const upstreamConfig = ({ servers }) => `  server {
${servers.map((port) => `    listen 127.0.0.1:${port};`).join('\n')}
${Array.from({ length: MANY_SERVERS }, (_, index) => `    listen ${serverAt(index)}:${servers[0]};`).join('\n')}
    location / { return 200 "${'x'.repeat(BODY_BYTES)}"; }
  }`;

const nginxConfig = ({ ports, pem }) => `  upstream app {
    server 127.0.0.1:${ports.servers[0]};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${ports.nginx};
    listen 127.0.0.1:${ports.nginxTls} ssl;
    ssl_certificate ${pem.cert};
    ssl_certificate_key ${pem.key};
    ssl_protocols TLSv1.3;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }
  }`;

// ---- HAProxy ----

function haproxyConfig({ folder, ports, issuer, pem }) {
  const key = written(folder, 'issuer.pem', rsaPublicKey());
  const map = written(folder, 'routes.map', paths.map((prefix) => `${prefix} app`).join('\n'));
  return `global
  nbthread 1
  maxconn 4096
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend plain
  bind 127.0.0.1:${ports.haproxy}
  bind 127.0.0.1:${ports.haproxyTls} ssl crt ${pem.both} alpn http/1.1
  default_backend one
frontend everything
  bind 127.0.0.1:${ports.haproxyEverything} ssl crt ${pem.both} alpn http/1.1
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request set-var(txn.now) date
  http-request set-var(txn.left) var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now)
  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_payload_query('$.iss') -m str ${issuer} }
  http-request deny deny_status 401 unless { var(txn.token),jwt_payload_query('$.aud') -m str ${AUDIENCE} }
  http-request deny deny_status 401 unless { var(txn.left) -m int gt 0 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_verify(txn.alg,"${key}") -m int 1 }
  http-request deny deny_status 403 unless { var(txn.token),jwt_payload_query('$.scope') -m sub orders.read }
  http-request set-header X-Forwarded-User %[var(txn.token),jwt_payload_query('$.sub')]
  http-request set-header X-Forwarded-Email %[var(txn.token),jwt_payload_query('$.email')]
  http-request set-header X-Forwarded-Groups %[var(txn.token),jwt_payload_query('$.groups')]
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-For %[src]
  http-request del-header Authorization
  use_backend %[path,map_beg(${map})]
backend one
  server s0 127.0.0.1:${ports.servers[0]}
backend app
  balance hdr(X-Forwarded-User)
  hash-type consistent
${ports.servers.map((port, index) => `  server s${index} 127.0.0.1:${port}`).join('\n')}
`;
}
