// A soak: reloads and upgrades in turn, under load, while WebSockets stay open over all of them.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Load, Sockets } from './load.mjs';

/** How many upgrades a WebSocket outlives before its client hangs up; so many old processes are there at once. */
const OUTLIVED = 2;
const RELOADS = 5;

const isThere = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** KiB of a process's memory. */
const resident = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m)[1]);

async function leaves(pid, within) {
  for (const deadline = Date.now() + within; Date.now() < deadline; await sleep(20)) if (!isThere(pid)) return true;
  return false;
}

/**
 * Goes on for `seconds`. Returns what clients noticed, how many old processes did not leave when their last WebSocket
 * was closed, and the memory of the serving process in the first and in the last cycle, in KiB.
 */
export async function soak(node, port, { seconds, rate, sockets }) {
  const loads = [new Load(port, { rate: rate / 2, kept: true }), new Load(port, { rate: rate / 8, kept: false })];
  const groups = [];
  const told = { cycles: 0, lost: 0, echoed: 0, stayed: 0, memory: [] };
  let serving = node.child.pid;
  const end = async ({ group, pid }) => {
    const { lost, echoed } = group.close();
    told.lost += lost;
    told.echoed += echoed;
    if (pid !== serving && !(await leaves(pid, 20_000))) told.stayed += 1;
  };
  for (const until = Date.now() + seconds * 1000; Date.now() < until; told.cycles += 1) {
    const group = new Sockets();
    await group.connect(port, sockets);
    groups.push({ group, pid: serving });
    for (let count = 0; count < RELOADS; count += 1) {
      node.configure(100, told.cycles * RELOADS + count);
      await node.order('/reload');
      await sleep(200);
    }
    told.memory.push(resident(serving));
    ({ successor: serving } = await node.order('/upgrade'));
    await sleep(500);
    if (groups.length > OUTLIVED) await end(groups.shift());
  }
  while (groups.length) await end(groups.shift());
  const errors = {};
  told.served = 0;
  for (const load of loads) {
    const result = await load.stop();
    told.served += result.served;
    for (const [what, count] of Object.entries(result.errors)) errors[what] = (errors[what] ?? 0) + count;
  }
  return { ...told, errors, serving };
}
