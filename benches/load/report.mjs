// The report: one Markdown page, the same on the screen and in benches/results.

import { CLAIM } from './machine.mjs';
import { BESIDE } from './scenarios.mjs';
import { OBSERVED, PROMISES, median, ratio } from './promises.mjs';

/** The whole page, and whether every promise that was measured is kept. */
export function report(series, measured, machine, command) {
  const promises = PROMISES.map((promise) => ({ ...promise, ratio: ratio(series, promise) })).filter((row) => row.ratio);
  const observed = OBSERVED.map((row) => ({ ...row, ratio: ratio(series, row) })).filter((row) => row.ratio);
  const kept = promises.every((row) => row.ratio.median <= row.must);
  const page = [
    `# ${machine.date}, commit ${machine.commit}`, '', CLAIM, '',
    ...Object.entries({ ...machine.facts, Command: `\`${command}\`` }).map(([name, value]) => `- ${name}: ${value}`), '',
    '## CPU time', '',
    'Medians over the rounds; in brackets the lowest and the highest round.', '',
    ...figures(series, measured), '',
    '## Promises', '',
    '| | ratio of CPU time | measured | must | | aim |', '| --- | --- | --- | --- | --- | --- |',
    ...promises.map((row) => `| ${row.id} | ${row.says} | ${shown(row.ratio)} | ≤ ${row.must.toFixed(2)} | ${verdict(row)} | ≤ ${row.aim.toFixed(2)} |`), '',
    '## Beside them', '',
    '| ratio of CPU time | measured |', '| --- | --- |',
    ...observed.map((row) => `| ${row.says} | ${shown(row.ratio)} |`), '',
  ];
  return { text: page.join('\n'), kept };
}

const shown = ({ median: middle, low, high }) => `${middle.toFixed(3)} (${low.toFixed(2)}–${high.toFixed(2)})`;

function verdict({ ratio: { median: middle }, must, aim }) {
  if (middle <= aim) return 'kept, aim reached';
  return middle <= must ? 'kept' : '**broken**';
}

function figures(series, measured) {
  const names = (scenario) => [...Object.keys(scenario.contestants), ...(scenario.beside ? [BESIDE] : [])];
  const rows = measured.flatMap((scenario) => names(scenario).map((name) => {
    const runs = series.get(`${scenario.key} ${name}`);
    const of = (kind) => runs.map((run) => run[kind]);
    const [cpu, user, system] = ['cpu', 'user', 'system'].map((kind) => median(of(kind)).toFixed(1));
    const range = `${Math.min(...of('cpu')).toFixed(1)}–${Math.max(...of('cpu')).toFixed(1)}`;
    return `| ${scenario.key} | ${name} | ${cpu} (${range}) | ${user} / ${system} | ${Math.round(median(of('perSecond')))} |`;
  }));
  const legend = measured.map((scenario) => `- \`${scenario.key}\`: ${scenario.what}${scenario.beside ? `; beside it: ${scenario.beside.what}` : ''}`);
  return ['| scenario | contestant | CPU µs each | user / system | a second |', '| --- | --- | --- | --- | --- |', ...rows, '', ...legend];
}
