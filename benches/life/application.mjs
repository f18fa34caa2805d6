// The application behind the node, on a thread of its own; says its port.
import { parentPort } from 'node:worker_threads';
import { application } from './node.mjs';

parentPort.postMessage((await application()).address().port);
