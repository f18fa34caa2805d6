const out = document.getElementById('out');
const tell = (lines) => { out.hidden = false; out.textContent = lines.join('\n'); };

document.getElementById('forge').addEventListener('click', async () => {
  const forged = { 'X-Forwarded-User': 'root', 'x_forwarded_groups': 'admin', 'X-Forwarded-Email': 'root@evil.example' };
  const tried = Object.entries(forged).map(([name, value]) => name + '=' + value).join(',');
  const answer = await fetch(location.pathname, { headers: { Accept: 'application/json', ...forged, 'X-Demo-Forged': tried } });
  if (!answer.ok) { tell(['refused with ' + answer.status]); return; }
  const seen = await answer.json();
  tell([
    'this page sent:',
    ...Object.entries(forged).map(([name, value]) => '  ' + name + ': ' + value),
    'the application (' + seen.server + ') received:',
    ...seen.forged.map(({ name, arrived }) => '  ' + name + (arrived ? ': FORGED VALUE ARRIVED' : ': forged value removed')),
    'and still knows you as: ' + (seen.caller.user ?? 'anyone'),
  ]);
});

document.getElementById('socket').addEventListener('click', () => {
  const lines = [];
  const say = (line) => { lines.push(line); tell(lines); };
  const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/ws');
  socket.onopen = () => { say('open'); socket.send('hello'); };
  socket.onmessage = ({ data }) => { say('← ' + data); if (data === 'hello') { socket.close(1000); } };
  socket.onclose = ({ code }) => say('closed (' + code + ')');
});
