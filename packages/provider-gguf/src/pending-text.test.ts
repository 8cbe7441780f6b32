import { describe, expect, test } from 'vitest';
import { PendingText } from './pending-text.ts';

const never = (): boolean => false;

describe('PendingText', () => {
  test('gives out the text before a marker as it comes, but for what may be a part of it or belong to a call', () => {
    const answer = new PendingText();
    const push = (text: string): unknown => answer.push(text, () => answer.textBefore('<call>') && never());
    expect(push('so be it. ')).toEqual([{ type: 'text', text: 'so be it.', until: 9 }]);
    expect(push('<ca')).toEqual([]);
    expect(push('t> \n<call>{')).toEqual([{ type: 'text', text: ' <cat>', until: 15 }]);
    expect(answer.held).toBe('{');
  });

  test('a marker behind which no call follows is text, in its place', () => {
    const answer = new PendingText();
    const pieces = answer.push('<call> no', () => {
      if (!answer.textBefore('<call>')) return false;
      answer.giveUp();
      return true;
    });
    expect(pieces).toEqual([
      { type: 'text', text: '<call>', until: 6 },
      { type: 'text', text: ' no', until: 9 },
    ]);
  });

  test('what was in doubt is gone once it is a call', () => {
    const answer = new PendingText();
    const pieces = answer.push('<call>add', () => {
      if (!answer.textBefore('<call>')) return false;
      answer.call(answer.take(3));
      answer.arguments('');
      answer.arguments('{}');
      return false;
    });
    expect(pieces).toEqual([
      { type: 'call', name: 'add', until: 9 },
      { type: 'arguments', text: '{}', until: 9 },
    ]);
    expect(answer.calls).toBe(1);
    expect(answer.end(false)).toEqual([]);
  });

  test('a text that may be left out is taken when it is whole', () => {
    const answer = new PendingText();
    answer.push(' </ca', never);
    expect(answer.takeOptional('</call>')).toBe(false);
    answer.push('ll> more', never);
    expect(answer.takeOptional('</call>')).toBe(true);
    expect(answer.held).toBe(' more');
    expect(answer.takeOptional('</call>')).toBe(true);
    expect(answer.held).toBe(' more');
  });

  test.each([
    { why: 'of text', begin: 'tail \n', over: false, text: 'tail \n' },
    { why: 'of a call that was begun', begin: '<call> \n', over: false, text: '<call> \n' },
    { why: 'that belongs to the last call', begin: ' \n', over: true, text: undefined },
  ])('the end gives out what is held $why', ({ begin, over, text }) => {
    const answer = new PendingText();
    answer.push(begin, () => begin.startsWith('<') && answer.textBefore('<call>') && never());
    expect(answer.end(over)).toEqual(text === undefined ? [] : [{ type: 'text', text, until: begin.length }]);
  });

  test('white space behind the last call belongs to it', () => {
    const answer = new PendingText();
    answer.call('add');
    answer.push('and so \n', never);
    expect(answer.end(false)).toEqual([{ type: 'text', text: 'and so', until: 8 }]);
  });
});
