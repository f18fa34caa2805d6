// Requests at a steady rate on a thread of their own; says what came of them when its time is over.
import { parentPort, workerData } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from './load.mjs';

const { port, rate, seconds } = workerData;
const load = new Load(port, { rate, kept: true });
await sleep(seconds * 1000);
parentPort.postMessage(await load.stop());
