/** A piece of a recording in which somebody speaks, ms, with the mean probability of its frames. */
export interface SpeechSegment {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

export interface SpeechRules {
  /** Length of a frame, and of the whole recording, ms. */
  readonly frameMs: number;
  readonly totalMs: number;
  /** Probability from which on a frame begins speech. */
  readonly threshold: number;
  readonly minSpeechMs: number;
  readonly minSilenceMs: number;
  readonly padMs: number;
}

/** Speech goes on as long as probabilities are no lower below the threshold than this. */
const HYSTERESIS = 0.15;

/** Speech from the probabilities of consecutive frames, by the rules of Silero's own `get_speech_timestamps`. */
export const speechSegments = (probabilities: readonly number[], rules: SpeechRules): readonly SpeechSegment[] => {
  const { frameMs, totalMs, threshold, minSpeechMs, minSilenceMs, padMs } = rules;
  const found: SpeechSegment[] = [];
  let start: number | undefined;
  let pause: number | undefined;
  const end = (frame: number): void => {
    if (start !== undefined && Math.min(totalMs, frame * frameMs) - start * frameMs >= minSpeechMs) {
      const frames = probabilities.slice(start, frame);
      const score = frames.reduce((sum, probability) => sum + probability, 0) / frames.length;
      found.push({ start: start * frameMs, end: Math.min(totalMs, frame * frameMs), score });
    }
    start = undefined;
    pause = undefined;
  };
  for (const [frame, probability] of probabilities.entries()) {
    if (probability >= threshold) {
      start ??= frame;
      pause = undefined;
    } else if (start !== undefined && probability < threshold - HYSTERESIS) {
      pause ??= frame;
      if ((frame + 1 - pause) * frameMs >= minSilenceMs) end(pause);
    }
  }
  end(probabilities.length);
  return found.map((segment, index) => {
    // Neighbours share a pause that is too short for both.
    const before = segment.start - (found[index - 1]?.end ?? -Infinity);
    const after = (found[index + 1]?.start ?? Infinity) - segment.end;
    return {
      ...segment,
      start: Math.round(Math.max(0, segment.start - Math.min(padMs, before / 2))),
      end: Math.round(Math.min(totalMs, segment.end + Math.min(padMs, after / 2))),
    };
  });
};
