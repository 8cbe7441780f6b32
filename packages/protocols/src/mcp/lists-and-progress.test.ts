import { GolekError, type InferenceEvent } from '@golek/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOfUri, modelUri, pageOf, rpcErrorBody, RpcErrorBody, TextProgressMeter } from './index.ts';

const text = (value: string): InferenceEvent => ({ type: 'text', choice: 0, text: value });
const FINISH: InferenceEvent = { type: 'finish', choice: 0, reason: 'stop' };

describe('addresses of models', () => {
  it('name every model, whatever its name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
        expect(modelOfUri(modelUri(name))).toBe(name);
      }),
    );
    expect(modelUri('org/model:latest')).toBe('golek://models/org%2Fmodel%3Alatest');
  });

  it.each(['golek://models', 'golek://models/', 'golek://models/%', 'golek://status', 'file:///etc/passwd', ''])(
    'are not: %s',
    (uri) => expect(modelOfUri(uri)).toBeUndefined(),
  );
});

describe('pages', () => {
  it('give every item once, in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 350 }), (count) => {
        const items = Array.from({ length: count }, (_none, index) => `item-${index}`);
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = pageOf(items, (item) => item, cursor);
          expect(page.items.length).toBeLessThanOrEqual(100);
          seen.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        expect(seen).toEqual(items);
      }),
    );
  });

  it('refuse a cursor that is no longer in the list', () => {
    expect(() => pageOf(['a'], (item) => item, 'gone')).toThrow(
      "'gone' is no longer in it; begin again without 'cursor'",
    );
  });
});

describe('progress', () => {
  it('rises, loses no text and comes no more often than it may', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.integer({ min: 0, max: 120 })), { maxLength: 40 }), (pieces) => {
        const meter = new TextProgressMeter();
        let now = 0;
        const told: { at: number; progress: number; message: string }[] = [];
        const add = (event: InferenceEvent): void => {
          const progress = meter.add(event, now);
          if (progress) told.push({ at: now, progress: progress.progress, message: progress.message ?? '' });
        };
        for (const [value, wait] of pieces) {
          now += wait;
          add(text(value));
        }
        const beforeEnd = told.length;
        add(FINISH);
        const all = pieces.map(([value]) => value).join('');
        expect(told.map(({ message }) => message).join('')).toBe(all);
        for (const [index, one] of told.entries()) {
          const last = told[index - 1];
          if (!last) continue;
          expect(one.progress).toBeGreaterThan(last.progress);
          if (index < beforeEnd) expect(one.at - last.at).toBeGreaterThanOrEqual(50);
        }
        expect(told.at(-1)?.progress ?? 0).toBe(all.length);
      }),
    );
  });

  it('counts reasoning, but does not tell it as the answer', () => {
    const meter = new TextProgressMeter();
    expect(meter.add({ type: 'start', model: 'm', provider: 'p' }, 0)).toBeUndefined();
    expect(meter.add({ type: 'reasoning', choice: 0, text: 'hm' }, 0)).toEqual({ progress: 2 });
    expect(meter.add(text('Yes'), 100)).toEqual({ progress: 5, message: 'Yes' });
    expect(meter.add(FINISH, 200)).toBeUndefined();
  });
});

it.each([
  ['invalid_json', -32700],
  ['invalid_request', -32600],
  ['internal', -32603],
  ['unauthenticated', -32000],
] as const)('JSON-RPC has %s as %i', (code, expected) => {
  const body = rpcErrorBody(new GolekError(code, 'so it is'));
  expect(RpcErrorBody.parse(body)).toEqual(body);
  expect(body).toMatchObject({ id: null, error: { code: expected, message: 'so it is', data: { code } } });
});
