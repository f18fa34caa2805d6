// The promises that this bench can keep or break: section Q of docs/promises.md, as ratios within one series.

import { BESIDE } from './scenarios.mjs';

/** `of` and `over` are a scenario and a contestant; a promise is kept when the ratio is at most `must`. */
export const PROMISES = [
  { id: 'Q1', says: 'plain / bare Pingora', of: ['plain', 'ostia'], over: ['plain', 'bare-pingora'], must: 1.15, aim: 0.95 },
  { id: 'Q1', says: 'plain / HAProxy', of: ['plain', 'ostia'], over: ['plain', 'haproxy'], must: 1.8, aim: 1.3 },
  { id: 'Q2', says: 'repeated bearer RS256 / plain', of: ['bearer-rs256', 'ostia'], over: ['bearer-rs256', BESIDE], must: 1.1, aim: 1.05 },
  { id: 'Q2', says: 'repeated bearer ES256 / plain', of: ['bearer-es256', 'ostia'], over: ['bearer-es256', BESIDE], must: 1.1, aim: 1.05 },
  { id: 'Q2', says: '2,000 rotating tokens / plain', of: ['bearer-rotating', 'ostia'], over: ['bearer-rotating', BESIDE], must: 1.15, aim: 1.08 },
  { id: 'Q2', says: 'sealed session / plain', of: ['session', 'ostia'], over: ['session', BESIDE], must: 1.2, aim: 1.1 },
  { id: 'Q3', says: 'everything at once / HAProxy', of: ['everything', 'ostia'], over: ['everything', 'haproxy'], must: 0.6, aim: 0.45 },
  { id: 'Q3', says: 'everything at once / Envoy that remembers tokens', of: ['everything', 'ostia'], over: ['everything', 'envoy'], must: 0.55, aim: 0.4 },
  { id: 'Q5', says: 'TLS 1.3 / plain', of: ['tls', 'ostia'], over: ['tls', BESIDE], must: 1.1, aim: 1.03 },
  { id: 'Q5', says: 'full handshake / HAProxy', of: ['handshake', 'ostia'], over: ['handshake', 'haproxy'], must: 1.0, aim: 0.75 },
  { id: 'Q5', says: 'full handshake / NGINX', of: ['handshake', 'ostia'], over: ['handshake', 'nginx'], must: 1.0, aim: 0.75 },
  { id: 'Q5', says: 'full handshake / Envoy', of: ['handshake', 'ostia'], over: ['handshake', 'envoy'], must: 1.0, aim: 0.75 },
  { id: 'Q6', says: '10,000 routes / 1 route', of: ['routes-10000', 'ostia'], over: ['routes-10000', BESIDE], must: 1.1, aim: 1.03 },
  { id: 'Q6', says: '1,000 servers / 1 server', of: ['servers-1000', 'ostia'], over: ['servers-1000', BESIDE], must: 1.5, aim: 1.3 },
];

/** What no promise speaks of, but a reader wants to know. */
export const OBSERVED = [
  { says: 'plain / NGINX', of: ['plain', 'ostia'], over: ['plain', 'nginx'] },
  { says: 'plain / Envoy', of: ['plain', 'ostia'], over: ['plain', 'envoy'] },
  { says: 'bare Pingora / HAProxy', of: ['plain', 'bare-pingora'], over: ['plain', 'haproxy'] },
  { says: 'with the access log / without', of: ['plain-logging', 'ostia'], over: ['plain-logging', BESIDE] },
  { says: '1,000 servers / 4 servers', of: ['servers-1000', 'ostia'], over: ['servers-4', 'ostia'] },
  { says: 'TLS 1.3 / HAProxy', of: ['tls', 'ostia'], over: ['tls', 'haproxy'] },
  { says: 'TLS 1.3 / NGINX', of: ['tls', 'ostia'], over: ['tls', 'nginx'] },
  { says: 'TLS 1.3 / Envoy', of: ['tls', 'ostia'], over: ['tls', 'envoy'] },
  { says: 'repeated bearer RS256 / Envoy that remembers tokens', of: ['bearer-rs256', 'ostia'], over: ['bearer-rs256', 'envoy'] },
];

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The ratio of CPU time per request: the median of the ratios within each round, so that a slow minute of the machine
 * hits both sides. Nothing when one of the two was not measured.
 */
export function ratio(series, { of, over }) {
  const [mine, theirs] = [of, over].map(([scenario, contestant]) => series.get(`${scenario} ${contestant}`));
  if (!mine || !theirs) return undefined;
  const each = mine.map((run, round) => run.cpu / theirs[round].cpu);
  return { median: median(each), low: Math.min(...each), high: Math.max(...each) };
}
