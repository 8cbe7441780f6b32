import { expect, test } from 'vitest';
import { speechSegments, type SpeechRules } from './speech-segments.ts';

const rules: SpeechRules = {
  frameMs: 32,
  totalMs: 3_200,
  threshold: 0.5,
  minSpeechMs: 250,
  minSilenceMs: 100,
  padMs: 0,
};

/** `[times, probability]` */
const frames = (...parts: readonly (readonly [number, number])[]): number[] =>
  parts.flatMap(([times, probability]) => new Array<number>(times).fill(probability));

const places = (probabilities: readonly number[], more: Partial<SpeechRules> = {}): number[][] =>
  speechSegments(probabilities, { ...rules, totalMs: probabilities.length * 32, ...more }).map(({ start, end }) => [
    start,
    end,
  ]);

test('speech begins at the threshold and ends with a pause that is long enough', () => {
  expect(places(frames([10, 0.1], [20, 0.9], [10, 0.1]))).toEqual([[320, 960]]);
  expect(places(frames([100, 0.1]))).toEqual([]);
  expect(places([])).toEqual([]);
});

test('probabilities a little below the threshold do not end it', () => {
  expect(places(frames([10, 0.9], [10, 0.4], [10, 0.9], [10, 0]))).toEqual([[0, 960]]);
  expect(places(frames([10, 0.4], [10, 0]))).toEqual([]);
});

test('a short pause is part of speech, a long one is not', () => {
  expect(places(frames([10, 0.9], [3, 0], [10, 0.9], [10, 0]))).toEqual([[0, 736]]);
  expect(places(frames([10, 0.9], [4, 0], [10, 0.9], [10, 0]))).toEqual([
    [0, 320],
    [448, 768],
  ]);
  expect(places(frames([10, 0.9], [4, 0], [10, 0.9]), { minSilenceMs: 200 })).toEqual([[0, 768]]);
});

test('short speech is left out, also at the end', () => {
  expect(places(frames([10, 0], [7, 0.9], [10, 0], [7, 0.9]))).toEqual([]);
  expect(places(frames([10, 0], [7, 0.9], [10, 0]), { minSpeechMs: 200 })).toEqual([[320, 544]]);
});

test('the last frame may reach beyond the recording', () => {
  expect(places(frames([10, 0.9]), { totalMs: 300 })).toEqual([[0, 300]]);
});

test('both ends are moved outwards, as far as there is room', () => {
  const probabilities = frames([1, 0], [10, 0.9], [5, 0], [10, 0.9], [4, 0]);
  expect(places(probabilities, { padMs: 30 })).toEqual([
    [2, 382],
    [482, 862],
  ]);
  expect(places(probabilities, { padMs: 100 })).toEqual([
    [0, 432],
    [432, 932],
  ]);
});

test('the score is the mean of the frames', () => {
  const [segment] = speechSegments(frames([10, 0], [5, 0.8], [5, 1], [10, 0]), rules);
  expect(segment?.score).toBeCloseTo(0.9, 10);
});
