// A process of the bench: pinned to a CPU, its CPU time read from the kernel, ended by its own id.
import { spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const running = new Set();

/** Starts a program on one CPU; its output goes to a file beside the configuration. */
export function start(cpu, log, program, ...args) {
  const out = openSync(log, 'a');
  const child = spawn('taskset', ['-c', String(cpu), program, ...args], { stdio: ['ignore', out, out] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.log = log;
  return child;
}

/** Ends what `start` started and is still there. By SIGINT: after a TERM, Pingora's own server waits for minutes. */
export async function endAll() {
  const leaving = [...running].map((child) => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    return Promise.race([gone, sleep(3000).then(() => child.kill('SIGKILL'))]);
  });
  await Promise.all(leaving);
}

/** Waits until a port takes connections, or tells what the process said instead. */
export async function listening(child, port) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
    if (child.exitCode !== null) break;
    if (await connects(port)) return;
  }
  throw new Error(`nothing listens on port ${port}:\n${readFileSync(child.log, 'utf8')}`);
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Ports that are free now; all are held until all are known, so they differ. */
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** What all threads of a process have taken, in microseconds: `user`, `system` by ticks, `total` to the nanosecond. */
export function cpuTime(pid) {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    total += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  }
  // The name in parentheses may hold spaces; utime and stime are the 14th and 15th field (proc(5)).
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13);
  return { total, user: Number(user) * TICK, system: Number(system) * TICK };
}

/** Microseconds of a tick of /proc: USER_HZ is 100 on every Linux that Ostia runs on. */
const TICK = 10_000;
