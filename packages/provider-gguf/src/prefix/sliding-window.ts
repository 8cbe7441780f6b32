/** Whether some layers of a model look at the last tokens only, by its file. */
export const hasSlidingWindow = (metadata: ReadonlyMap<string, unknown>): boolean => {
  const window = metadata.get(`${String(metadata.get('general.architecture'))}.attention.sliding_window`);
  return typeof window === 'number' && window > 0;
};
