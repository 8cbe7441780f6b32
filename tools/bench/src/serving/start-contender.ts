import type { Contender, EngineSetup } from './contender.ts';
import { startEvaluate } from './evaluate-contender.ts';
import { startGolekServe } from './golek-serve.ts';
import { startLlamaServer } from './llama-server.ts';
import type { ServingOptions, SideName } from './serving-options.ts';

type StartOptions = Pick<ServingOptions, 'llamaServer' | 'peerArgs' | 'golekArgs'>;

/** Starts one side of a comparison. */
export const startContender = async (
  side: SideName,
  setup: EngineSetup,
  { llamaServer, peerArgs, golekArgs }: StartOptions,
): Promise<Contender> => {
  if (side === 'golek') return startGolekServe({ ...setup, args: golekArgs });
  if (side === 'evaluate') return startEvaluate(setup);
  if (llamaServer === undefined) throw new Error('the path of llama-server is not known');
  return startLlamaServer({ ...setup, program: llamaServer, args: peerArgs });
};

/** Starts several, and stops those that run when one does not start. */
export const startContenders = async (
  sides: readonly SideName[],
  setup: EngineSetup,
  options: StartOptions,
): Promise<{ readonly contenders: readonly Contender[] } & AsyncDisposable> => {
  await using started = new AsyncDisposableStack();
  const contenders: Contender[] = [];
  for (const side of sides) contenders.push(started.use(await startContender(side, setup, options)));
  const owned = started.move();
  return { contenders, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
