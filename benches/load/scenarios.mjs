// The scenarios: which contestants take part, and what each is sent.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { ASKED_OF_MANY } from './contestants.mjs';
import { signIn } from './session.mjs';

export const ROTATING_TOKENS = 2000;

const ASKED_ROUTE = '/service-57/orders';

/**
 * A scenario: `key` in results, `what` it shows, `requests` that are sent in turn (a path, then fields), and by
 * contestant the process and the port. `handshakes` counts new connections instead of requests. `beside` is the
 * scenario in which Ostia has another turn right beside this one: the two are compared, the machine's mood cancels out.
 * `absent` contestants are not on this machine and take no part.
 */
export async function scenarios(ports, issuer, wanted, absent) {
  const bearer = (alg, subject = 'robot') => `Authorization: Bearer ${issuer.accessToken(alg, subject)}`;
  const on = (contestant, port) => ({ contestant, port: ports[port] });
  const plain = { 'bare-pingora': on('bare-pingora', 'bare'), ostia: on('ostia', 'ostia'), haproxy: on('haproxy', 'haproxy'), nginx: on('nginx', 'nginx'), envoy: on('envoy', 'envoy') };
  const tls = { ostia: on('ostia', 'ostiaTls'), haproxy: on('haproxy', 'haproxyTls'), nginx: on('nginx', 'nginxTls'), envoy: on('envoy', 'envoyTls') };
  const identity = { ostia: on('ostia', 'ostia') };
  const everything = { ostia: on('ostia-everything', 'everything'), haproxy: on('haproxy', 'haproxyEverything'), envoy: on('envoy', 'envoyEverything') };
  const alone = (key, contestant, port, what) => ({ key, what, contestants: { ostia: on(contestant, port) }, requests: () => [['/']] });
  const one = alone('one', 'ostia-one', 'one', 'one route, one server');
  const few = alone('servers-4', 'ostia-few-servers', 'few', 'one route, 4 servers in turn');
  const beside = { key: 'plain', what: 'open route, no access log', contestants: plain, requests: () => [['/']] };
  const all = [
    beside,
    { key: 'plain-logging', what: 'the same with the JSON access log into a file', contestants: { ostia: on('ostia-logging', 'logging') }, beside, requests: () => [['/']] },
    { key: 'tls', what: 'TLS 1.3, kept alive', tls: true, contestants: tls, beside, requests: () => [['/']] },
    { key: 'handshake', what: 'TLS 1.3, full handshakes without a request', tls: true, handshakes: true, contestants: tls, requests: () => [['/']] },
    { key: 'bearer-rs256', what: 'one token, RS256', contestants: { ...identity, envoy: on('envoy', 'envoyBearer') }, beside, requests: () => [['/bearer', bearer('RS256')]] },
    { key: 'bearer-es256', what: 'one token, ES256', contestants: identity, beside, requests: () => [['/bearer', bearer('ES256')]] },
    {
      key: 'bearer-rotating', what: `${ROTATING_TOKENS} tokens in turn, RS256`, contestants: identity, beside,
      requests: () => Array.from({ length: ROTATING_TOKENS }, (_, index) => ['/bearer', bearer('RS256', `robot-${index}`)]),
    },
    {
      key: 'session', what: 'one sealed session cookie', contestants: identity, beside,
      requests: async () => [['/session', `Cookie: ${await signIn(`http://127.0.0.1:${ports.ostia}/session`)}`]],
    },
    {
      key: 'everything', what: 'TLS 1.3, one RS256 token, its scope asked for, claims to fields, 100 routes, consistent hash over 4 servers',
      tls: true, contestants: everything, requests: () => [[ASKED_ROUTE, bearer('RS256')]],
    },
    { ...alone('routes-10000', 'ostia-routes', 'routes', '10,000 routes, of which 100 are asked for in turn'), beside: one, requests: () => ASKED_OF_MANY.map((target) => [target]) },
    { ...few, beside: one },
    { ...alone('servers-1000', 'ostia-many-servers', 'many', 'one route, 1,000 servers in turn'), beside: one },
  ];
  for (const { contestants } of all) {
    for (const [name, { contestant }] of Object.entries(contestants)) if (absent.has(contestant)) delete contestants[name];
  }
  return all.filter((scenario) => wanted.has(scenario.key));
}

/** Which processes the scenarios need; known before they are started. */
export const PROCESSES = {
  plain: ['bare-pingora', 'ostia', 'haproxy', 'nginx', 'envoy'],
  'plain-logging': ['ostia-logging', 'ostia'],
  tls: ['ostia', 'haproxy', 'nginx', 'envoy'],
  handshake: ['ostia', 'haproxy', 'nginx', 'envoy'],
  'bearer-rs256': ['ostia', 'envoy'],
  'bearer-es256': ['ostia'],
  'bearer-rotating': ['ostia'],
  session: ['ostia'],
  everything: ['ostia-everything', 'haproxy', 'envoy'],
  'routes-10000': ['ostia-routes', 'ostia-one'],
  'servers-4': ['ostia-few-servers', 'ostia-one'],
  'servers-1000': ['ostia-many-servers', 'ostia-one'],
};

/** The name under which the turns of `beside` are kept. */
export const BESIDE = 'ostia, beside';

/** Writes the requests of a scenario where the load generator reads them; the first one is for the trial. */
export async function prepare(scenario, folder) {
  const requests = await scenario.requests();
  scenario.file = path.join(folder, `${scenario.key}.requests`);
  writeFileSync(scenario.file, `${requests.map((request) => request.join('\t')).join('\n')}\n`, { mode: 0o600 });
  scenario.trial = requests[0];
}
