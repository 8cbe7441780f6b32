import { ModelRoute, type LifecycleEvent, type ModelRouteInput } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { RouteTable } from '../index.ts';

const route = (name: string, model: string, more: Partial<ModelRouteInput> = {}): ModelRoute =>
  ModelRoute.parse({ name, targets: [{ model }], ...more });

const tableOf = () => {
  const events: LifecycleEvent[] = [];
  return {
    events,
    table: new RouteTable({ isModel: (name) => name === 'model', publish: (event) => events.push(event) }),
  };
};

describe('changes', () => {
  it('have revisions that rise, and tell who listens', () => {
    const { table, events } = tableOf();
    const first = table.set(route('r', 'a')).revision;
    const second = table.set(route('r', 'b')).revision;
    expect(second).toBeGreaterThan(first);
    expect(table.set(route('r', 'b')).revision).toBe(second);
    table.remove('r');
    expect(events).toEqual([
      { type: 'route.changed', route: 'r', targets: ['a'] },
      { type: 'route.changed', route: 'r', targets: ['b'] },
      { type: 'route.changed', route: 'r', targets: [] },
    ]);
    expect(table.set(route('r', 'b')).revision).toBeGreaterThan(second);
  });

  it('happen only on the revision that they expect', () => {
    const { table } = tableOf();
    const { revision } = table.set(route('r', 'a'), null);
    expect(() => table.set(route('r', 'b'), null)).toThrow(
      /has the revision 1, the change expects that it does not exist/,
    );
    expect(table.set(route('r', 'b'), revision).route.targets[0]?.model).toBe('b');
    expect(() => table.set(route('r', 'c'), revision)).toThrow(expect.objectContaining({ code: 'conflict' }));
    expect(() => table.set(route('other', 'c'), 7)).toThrow(/'other' does not exist/);
    expect(() => table.remove('r', revision)).toThrow(/has the revision 2, the change expects 1/);
    expect(() => table.remove('rr')).toThrow("no route is named 'rr'; did you mean 'r'?");
  });

  it('replaceAll takes all or nothing, and leaves alone what stays the same', () => {
    const { table, events } = tableOf();
    table.replaceAll([route('r', 'a'), route('s', 'a')]);
    const { revision } = table.get('r')!;
    events.length = 0;
    const before = table.list();
    for (const bad of [route('model', 'a'), route('r', 'c'), route('x', 'a', { fallback: ['y'] })]) {
      expect(() => table.replaceAll([route('r', 'b'), route('y', 'a', { fallback: ['x'] }), bad])).toThrow();
      expect(() => table.check([route('r', 'b'), route('y', 'a', { fallback: ['x'] }), bad])).toThrow();
    }
    expect([table.list(), events]).toEqual([before, []]);
    table.replaceAll([route('r', 'a'), route('t', 'b')]);
    expect(events.map((event) => 'route' in event && event.route)).toEqual(['t', 's']);
    expect([table.names(), table.get('r')?.revision]).toEqual([['r', 't'], revision]);
  });

  it('refuse a circle of fallbacks and name both ends', () => {
    const { table } = tableOf();
    table.replaceAll([route('a', 'm', { fallback: ['b'] }), route('b', 'm', { fallback: ['c'] })]);
    expect(() => table.set(route('c', 'm', { fallback: ['x', 'a'] }))).toThrow(
      "route 'c' falls back to 'a', which comes back to it: a → b → c → a",
    );
    expect(() => table.set(route('model', 'm'))).toThrow(/a model is named 'model' already/);
  });
});

describe('a route that contradicts itself is refused', () => {
  it.each<[string, Partial<ModelRouteInput>]>([
    ['two targets name the same model', { targets: [{ model: 'a' }, { model: 'a' }] }],
    ["route 'r' names itself as a target", { targets: [{ model: 'r' }] }],
    ["route 'r' falls back to itself", { fallback: ['r'] }],
    ["the canary 'a' is one of the targets", { canary: { target: 'a', percent: 1 } }],
    ['every target has the weight 0', { strategy: 'weighted', targets: [{ model: 'a', weight: 0 }] }],
    ["'score' is for the strategy 'scored'", { score: { cost: 1 } }],
    ["a sticky key has no effect under 'priority'", { sticky: 'user' }],
  ])('%s', (message, more) => {
    expect(() => route('r', 'a', more)).toThrow(message);
  });
});
