import { expect, test } from 'vitest';
import { PLUGIN_TRANSITIONS, PluginLife, type PluginState } from './plugin-state.ts';

const STATES = Object.keys(PLUGIN_TRANSITIONS) as PluginState[];

/** A way from `registered` to each state, along the table. */
const pathTo = (goal: PluginState): PluginState[] => {
  const paths: PluginState[][] = [['registered']];
  for (const path of paths) {
    const last = path.at(-1) ?? 'registered';
    if (last === goal) return path.slice(1);
    if (path.length > STATES.length) break;
    for (const next of PLUGIN_TRANSITIONS[last]) paths.push([...path, next]);
  }
  throw new Error(`no way to ${goal}`);
};

test.each(STATES)('from %s exactly the steps of the table are possible', (state) => {
  for (const next of STATES) {
    const life = new PluginLife('p');
    for (const step of pathTo(state)) life.enter(step);
    const allowed = (PLUGIN_TRANSITIONS[state] as readonly PluginState[]).includes(next);
    expect(life.may(next)).toBe(allowed);
    if (allowed) {
      life.enter(next);
      expect(life.state).toBe(next);
    } else {
      expect(() => life.enter(next)).toThrow(`plugin 'p' is ${state} and cannot become ${next}`);
      expect(life.state).toBe(state);
    }
  }
});
