import type { ModelStates } from '../models/model-state.ts';
import { bytesText } from './model-table.ts';
import { styled } from './style.ts';
import { textTable } from './text-table.ts';

const HEADINGS = ['MODEL', 'PROVIDER', 'STATE', 'IN USE', 'MEMORY', 'UNLOADS'];

/** `90 s`, `5 min`, `2.5 h`. */
const timeText = (ms: number): string => {
  if (ms < 120_000) return `${Math.ceil(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
};

type Shown = ModelStates['models'][number];

const unloads = ({ state, pinned, unloadsInMs, inUse }: Shown): string => {
  if (state !== 'ready') return '-';
  if (pinned) return 'never (pinned)';
  if (unloadsInMs !== undefined) return `in ${timeText(unloadsInMs)}`;
  return inUse > 0 ? '-' : 'for another one';
};

/** Models of a server for people: what is in memory, and until when. */
export const modelStateTable = ({ models, memory, maxLoaded }: ModelStates): string => {
  const cells = models.map((model) => [
    model.name,
    model.provider,
    model.progress === undefined ? model.state : `${model.state} ${Math.floor(model.progress * 100)}%`,
    String(model.inUse),
    model.memoryBytes === undefined ? '-' : bytesText(model.memoryBytes),
    unloads(model),
  ]);
  const notes = models.map(({ error }) => error && `last load: ${error.message} [${error.code}]`);
  const most = maxLoaded === undefined ? '' : `, at most ${maxLoaded} models`;
  const legend = `${bytesText(memory.usedBytes)} of ${bytesText(memory.limitBytes)} for models${most}`;
  return `${textTable(HEADINGS, cells, notes)}${styled(process.stdout, 'dim', legend)}\n`;
};
