/**
 * One side of the comparison in a process of its own. Argument: SideArguments as JSON. Says `ready` when its model is loaded; answers each SideOrder with a LoadResult, or
 * with vectors where it asks for them.
 */
import { openBare } from './bare-embedder.ts';
import { runBatches, runCallers } from './embed-load.ts';
import type { Embedder } from './embedder.ts';
import { openGolek } from './golek-embedder.ts';
import { openHttp } from './http-embedder.ts';
import { mixedSentences } from './sentences.ts';
import type { SideArguments, SideOrder } from './side.ts';
import { openTransformers } from './transformers-embedder.ts';

const { kind, setup, sentences: count, port = 0 } = JSON.parse(process.argv[2] ?? '') as SideArguments;
const sentences = mixedSentences(count);

const open: Readonly<Record<SideArguments['kind'], () => Promise<Embedder>>> = {
  golek: () => openGolek(setup, { isolated: false }),
  'golek, engine process': () => openGolek(setup, { isolated: true }),
  'golek serve': async () => openHttp(port),
  transformers: () => openTransformers(setup),
  'bare loop': () => openBare(setup),
  'bare loop, sorted': () => openBare(setup),
};

const embedder = await open[kind]();
const run = kind.startsWith('bare') ? runBatches : runCallers;
const work = kind === 'bare loop, sorted' ? sentences.toSorted((a, b) => a.length - b.length) : sentences;

const obey = async (order: SideOrder): Promise<void> => {
  if (order.type === 'run') process.send?.(await run(embedder, work, order.callers));
  else {
    const vectors: number[][] = [];
    for (const sentence of sentences.slice(0, order.count))
      for (const vector of await embedder.embed([sentence])) vectors.push([...vector]);
    process.send?.(vectors);
  }
};

process.on('message', (order: SideOrder) => {
  obey(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.send?.('ready');
