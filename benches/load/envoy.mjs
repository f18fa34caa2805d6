// Envoy as a contestant: where `make bench-deps` puts it, and its configuration.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { AUDIENCE, keySet } from './issuer.mjs';

export const ENVOY = fileURLToPath(new URL('../../.tools/envoy/bin/envoy', import.meta.url));
export const envoyIsInstalled = () => existsSync(ENVOY);

/** One worker, as everybody; no second process that waits for a hot restart. */
export const envoyArguments = (file) => ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'warn', '--config-path', file];

const HTTP = 'type.googleapis.com/envoy.extensions.filters.http';
const MANAGER = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
const JWT = 'envoy.filters.http.jwt_authn';

/** The bootstrap, as JSON. Statistics, timeouts and request ids are its defaults; there is no access log, as with nobody. */
export function envoyConfig({ ports, issuer, pem }, paths) {
  const one = [{ match: { prefix: '/' }, route: { cluster: 'one' } }];
  const routed = paths.map((prefix) => ({
    match: { prefix }, route: { cluster: 'app', hash_policy: [{ header: { header_name: 'x-forwarded-user' } }] },
  }));
  const told = [{ header: { key: 'x-forwarded-host', value: '%REQ(:authority)%' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }];
  return JSON.stringify({
    static_resources: {
      listeners: [
        listener('plain', ports.envoy, one),
        listener('tls', ports.envoyTls, one, { pem }),
        listener('bearer', ports.envoyBearer, one, { filters: [verified(issuer)] }),
        listener('everything', ports.envoyEverything, routed, { pem, told, filters: [verified(issuer), reader] }),
      ],
      clusters: [cluster('one', ports.servers.slice(0, 1)), { ...cluster('app', ports.servers), lb_policy: 'RING_HASH' }],
    },
  });
}

const address = (port) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function listener(name, port, routes, { pem, filters = [], told = [] } = {}) {
  const manager = {
    '@type': MANAGER,
    stat_prefix: name,
    use_remote_address: true,
    route_config: { virtual_hosts: [{ name, domains: ['*'], routes, request_headers_to_add: told }] },
    http_filters: [...filters, { name: 'envoy.filters.http.router', typed_config: { '@type': `${HTTP}.router.v3.Router` } }],
  };
  const chain = { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] };
  return { name, address: address(port), filter_chains: [pem ? { ...chain, transport_socket: tls(pem) } : chain] };
}

const tls = ({ cert, key }) => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': TLS,
    common_tls_context: {
      alpn_protocols: ['http/1.1'],
      tls_params: { tls_minimum_protocol_version: 'TLSv1_3' },
      tls_certificates: [{ certificate_chain: { filename: cert }, private_key: { filename: key } }],
    },
  },
});

/** A token that was verified is remembered, as Ostia does; its claims become fields and the token itself goes no further. */
const verified = (issuer) => ({
  name: JWT,
  typed_config: {
    '@type': `${HTTP}.jwt_authn.v3.JwtAuthentication`,
    providers: {
      bench: {
        issuer, audiences: [AUDIENCE], forward: false,
        local_jwks: { inline_string: JSON.stringify(keySet()) },
        jwt_cache_config: { jwt_cache_size: 1000 },
        payload_in_metadata: 'claims',
        normalize_payload_in_metadata: { space_delimited_claims: ['scope'] },
        claim_to_headers: [['user', 'sub'], ['email', 'email'], ['groups', 'groups']]
          .map(([field, claim]) => ({ header_name: `x-forwarded-${field}`, claim_name: claim })),
      },
    },
    rules: [{ match: { prefix: '/' }, requires: { provider_name: 'bench' } }],
  },
});

/** Who has no `orders.read` in the scope does not come in. */
const reader = {
  name: 'envoy.filters.http.rbac',
  typed_config: {
    '@type': `${HTTP}.rbac.v3.RBAC`,
    rules: {
      action: 'ALLOW',
      policies: {
        reader: {
          permissions: [{ any: true }],
          principals: [{
            sourced_metadata: {
              metadata_matcher: {
                filter: JWT,
                path: [{ key: 'claims' }, { key: 'scope' }],
                value: { list_match: { one_of: { string_match: { exact: 'orders.read' } } } },
              },
            },
          }],
        },
      },
    },
  },
};

const cluster = (name, servers) => ({
  name,
  type: 'STATIC',
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: servers.map((port) => ({ endpoint: { address: address(port) } })) }] },
});
