// The issuer of the refresh bench, a process of its own: all its access tokens end at one moment, refresh tokens rotate.
// argv: port, the moment in seconds since 1970. `GET /told` says what it saw.
import { startIssuer } from '../load/issuer.mjs';

const [port, endsAt] = process.argv.slice(2).map(Number);
const left = () => Math.max(1, Math.floor(endsAt - Date.now() / 1000));
const { server, told } = await startIssuer(port, { refreshes: true, lifetime: left, idTokenAlgorithm: 'ES256' });
const [answer] = server.listeners('request');
server.removeAllListeners('request');
server.on('request', (request, response) => {
  if (request.url === '/told') response.end(JSON.stringify(told));
  else answer(request, response);
});
server.keepAliveTimeout = 120_000;
