/** The places of the greatest values, greatest first and of equal ones the earlier; none that is minus infinity or no number. For few of many. */
export const greatest = (values: ArrayLike<number>, count: number): number[] => {
  const best: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let place = 0; place < values.length && count > 0; place++) {
    const value = values[place] as number;
    // Also false where it is no number.
    if (!(value > least)) continue;
    let at = best.length;
    while (at > 0 && (values[best[at - 1] as number] as number) < value) at--;
    best.splice(at, 0, place);
    if (best.length > count) best.pop();
    if (best.length === count) least = values[best[count - 1] as number] as number;
  }
  return best;
};
