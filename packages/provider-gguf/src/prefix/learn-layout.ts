import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BatchContext, SequenceMemory } from '../binding.ts';
import { layoutOf, type StateLayout } from './state-layout.ts';

export type ProbedContext = Pick<BatchContext, 'begin' | 'add' | 'decode'> & Pick<SequenceMemory, 'save' | 'truncate'>;

/** Any tokens do; two, so that counts of cells stand out from other numbers. */
const PROBE = Uint32Array.of(0, 0);

/**
 * Has the engine evaluate two tokens and write their state, and reads off it how states of this model and context are laid out. Resolves to undefined where they
 * are of a kind that is not known. The context must be empty, and is empty afterwards. The file is in the system's temporary folder for a moment: it holds nothing of a prompt, and the
 * folder for states may be full or read-only.
 */
export const learnLayout = async (context: ProbedContext): Promise<StateLayout | undefined> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-layout-'));
  try {
    context.begin(PROBE.length);
    context.add(0, 0, PROBE, PROBE.length - 1);
    await context.decode();
    const file = path.join(folder, 'probe.state');
    await context.save(0, file, PROBE);
    return layoutOf(await readFile(file), PROBE.length);
  } finally {
    context.truncate(0, 0);
    await rm(folder, { recursive: true, force: true });
  }
};
