import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ShapeError } from '../model-maker/model-shape.ts';
import { ArgumentError, modelFile, readServingArgs } from './serving-options.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'golek-serving-options-'));
afterAll(() => rmSync(folder, { recursive: true }));
const program = path.join(folder, 'llama-server');
writeFileSync(program, '');

describe('arguments', () => {
  it('have defaults, of which a scenario has its own', () => {
    expect(readServingArgs([])).toMatchObject({
      sides: ['golek', 'evaluate'],
      streams: [1, 4, 8],
      rounds: 5,
      maxRounds: 15,
      warmup: 3,
      threads: 1,
      flashAttention: false,
      promptTokens: 128,
    });
    const scenario = { name: 'x', defaults: { streams: '4', 'prompt-tokens': '4000' }, without: [] };
    expect(readServingArgs([], scenario)).toMatchObject({ streams: [4], promptTokens: 4000 });
    expect(readServingArgs(['--streams', '2'], scenario).streams).toEqual([2]);
  });
  it('of streams that start one after the other ask for more requests', () => {
    expect(readServingArgs([])).toMatchObject({ arrivals: 'together', requests: 2 });
    const staggered = ['--arrivals', 'staggered'];
    expect(readServingArgs(staggered)).toMatchObject({ arrivals: 'staggered', requests: 4 });
    expect(readServingArgs([...staggered, '--requests', '2']).requests).toBe(2);
  });
  it('that would change nothing are refused', () => {
    const scenario = { name: 'fair', defaults: {}, without: ['streams'] };
    expect(() => readServingArgs(['--streams=1'], scenario)).toThrow(
      new ArgumentError('fair has no --streams: leave it out'),
    );
  });
  it('compare with llama-server where it is known', () => {
    const args = [
      '--llama-server',
      program,
      '--flash-attention',
      'on',
      '--peer-arg=-cram',
      '--peer-arg=0',
      '--rounds',
      '3',
    ];
    expect(readServingArgs(args)).toMatchObject({
      sides: ['golek', 'llama-server', 'evaluate'],
      flashAttention: true,
      peerArgs: ['-cram', '0'],
      maxRounds: 9,
    });
  });
  it.each([
    [['--streams', '1,x'], "--streams takes a whole number from 1, got 'x'"],
    [['--rounds', '0'], '--rounds takes a whole number'],
    [['--max-rounds', '4'], '--max-rounds 4 is less than --rounds 5'],
    [['--json', '/no/such/folder/x.json'], "--json: there is no folder '/no/such/folder' for the file"],
    [['--arrivals', 'random'], "--arrivals is together or staggered, got 'random'"],
    [['--flash-attention', 'auto'], '--flash-attention is on or off'],
    [['--sides', 'golek,vllm'], "there is no side 'vllm'"],
    [['--sides', 'llama-server'], 'say where it is'],
    [['--llama-server', '/no/such/file'], "there is no file '/no/such/file'"],
  ])('that are wrong are named: %j', (args, message) => {
    expect(() => readServingArgs(args)).toThrow(ArgumentError);
    expect(() => readServingArgs(args)).toThrow(message);
  });
});

describe('the model', () => {
  it('is a file', async () => {
    expect(await modelFile(program)).toBe(program);
    await expect(modelFile('nothing/here.gguf')).rejects.toThrow("there is no file 'nothing/here.gguf'");
  });
  it('or a size, which must be one', async () => {
    await expect(modelFile('9x')).rejects.toThrow(ShapeError);
    expect(existsSync(path.join(tmpdir(), 'golek-bench-models', '9x.gguf'))).toBe(false);
  });
});
