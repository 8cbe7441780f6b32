import { StickyKey, RoutingStrategy, type ModelRouteInput } from '@golek/api';
import { UsageError } from './exit-code.ts';

/** Flags of `golek routes set`. */
export interface RouteFlags {
  readonly strategy?: string;
  readonly fallback?: readonly string[];
  readonly sticky?: string;
  readonly canary?: string;
}

/** `name=number` at the end of a text; names may hold `=` themselves. */
const NUMBERED = /^(.+)=(\d+(?:\.\d+)?)$/;

const oneOf = <T extends string>(flag: string, text: string, choices: readonly T[]): T => {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new UsageError(`${flag} takes one of ${choices.join(', ')}, got '${text}'`);
  return found;
};

/** The route that words and flags describe; `model=weight` makes it a weighted one. Throws UsageError. */
export const routeBody = (words: readonly string[], flags: RouteFlags): Omit<ModelRouteInput, 'name'> => {
  const targets = words.map((word) => {
    const [, model, weight] = NUMBERED.exec(word) ?? [];
    if (model !== undefined) return { model, weight: Number(weight) };
    const equals = word.lastIndexOf('=');
    if (equals < 0) return { model: word };
    throw new UsageError(
      `'${word}': a weight is a number such as 3 or 0.5, got '${word.slice(equals + 1)}'; a model whose name holds '=' needs one: '${word}=1'`,
    );
  });
  const isWeighted = targets.some(({ weight }) => weight !== undefined);
  const strategy =
    flags.strategy === undefined
      ? isWeighted && ('weighted' as const)
      : oneOf('--strategy', flags.strategy, RoutingStrategy.options);
  if (isWeighted && strategy !== 'weighted') {
    throw new UsageError(`weights (model=number) need --strategy weighted, got '${flags.strategy ?? ''}'`);
  }
  const canary = flags.canary === undefined ? undefined : NUMBERED.exec(flags.canary);
  if (canary === null) throw new UsageError(`--canary takes model=percent, got '${flags.canary ?? ''}'`);
  return {
    targets,
    ...(strategy && { strategy }),
    ...(flags.fallback && { fallback: [...flags.fallback] }),
    ...(flags.sticky !== undefined && { sticky: oneOf('--sticky', flags.sticky, StickyKey.options) }),
    ...(canary && { canary: { target: canary[1] ?? '', percent: Number(canary[2]) } }),
  };
};
