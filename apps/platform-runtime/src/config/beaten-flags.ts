import type { Configuration } from '@golek/system';

/** A sentence for each flag and variable that has no effect because a value is stored: whoever gives one expects it to count. */
export const beatenFlags = (configuration: Configuration): readonly string[] =>
  configuration.keys.flatMap(({ key }) => {
    const { layer, overrides } = configuration.explain(key);
    const beaten =
      layer === 'stored' ? overrides.filter((lost) => lost.layer === 'flag' || lost.layer === 'environment') : [];
    return beaten.map(
      ({ source }) =>
        `${source} has no effect: a stored value of '${key}' beats it; remove that with: golek config unset ${key}`,
    );
  });
