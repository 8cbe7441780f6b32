import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineOutput, levelOfLine } from './engine-output.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('EngineOutput', () => {
  it('stops reading a flood until the next second, and logs a part of its lines', async () => {
    const pipe = new PassThrough();
    const debug = vi.fn();
    const log = { debug, info: debug, warn: debug, error: debug };
    const output = new EngineOutput(pipe, log, { model: 'm' });
    const piece = Buffer.from('noise\n'.repeat(180_000));
    const write = async (): Promise<void> => {
      pipe.write(piece);
      await vi.advanceTimersByTimeAsync(0);
    };
    for (let i = 0; i < 7; i++) await write();
    expect(pipe.isPaused()).toBe(false);
    await write();
    expect(pipe.isPaused()).toBe(true);
    expect(debug).toHaveBeenCalledTimes(50);
    expect(debug).toHaveBeenLastCalledWith({ model: 'm', line: 'noise' }, 'engine output');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(pipe.isPaused()).toBe(false);
    const bytes = 8 * piece.length - 50 * 6;
    expect(debug).toHaveBeenLastCalledWith({ model: 'm', bytes }, 'engine output was left out of the log');
    await write();
    expect(debug).toHaveBeenCalledTimes(50 + 1 + 50);
    expect(output.lines()).toHaveLength(20);
  });

  it('logs lines that come in pieces, cut to 500 characters', async () => {
    const pipe = new PassThrough();
    const debug = vi.fn();
    new EngineOutput(pipe, { debug, info: debug, warn: debug, error: debug }, {});
    for (const piece of ['a', 'b\n\nc\n', 'x'.repeat(900), 'x'.repeat(900), '\nd\n']) {
      pipe.write(piece);
      await vi.advanceTimersByTimeAsync(0);
    }
    const lines = debug.mock.calls.map(([fields]) => (fields as { line: string }).line);
    expect(lines).toEqual(['ab', 'c', 'x'.repeat(500), 'd']);
  });

  it('gives the warnings and errors of an engine their level in the log', async () => {
    const pipe = new PassThrough();
    const lines: string[] = [];
    const keep =
      (level: string) =>
      (fields: object): number =>
        lines.push(`${level}|${(fields as { line: string }).line}`);
    const log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
    new EngineOutput(pipe, log, {}, 'engine output', levelOfLine);
    pipe.write('warn: too many threads\nerror: gone\ninfo: a warn: inside\n');
    await vi.advanceTimersByTimeAsync(0);
    expect(lines).toEqual(['warn|warn: too many threads', 'error|error: gone', 'debug|info: a warn: inside']);
  });

  it('reads what is left when the process has ended, and lets go of the pipe', async () => {
    const pipe = new PassThrough();
    const output = new EngineOutput(pipe, undefined, {});
    for (let i = 0; i < 9; i++) {
      pipe.write(Buffer.alloc(2 ** 20, 'x\n'));
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(pipe.isPaused()).toBe(true);
    pipe.write('last words\n');
    output.drain();
    await vi.advanceTimersByTimeAsync(0);
    expect(output.lines().at(-1)).toBe('last words');
    output.close();
    expect(pipe.destroyed).toBe(true);
  });
});
