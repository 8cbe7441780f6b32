/** Samples of a second. */
export const RATE = 16_000;

/** Pulses of about 120 in a second through the three resonances of a mouth: a, i, u, e, twice. */
export const vowels = (length: number): Float32Array => {
  const pulses = new Float32Array(length);
  for (let i = 0, phase = 0; i < length; i++) {
    phase += (120 + 20 * Math.sin((5 * Math.PI * i) / RATE)) / RATE;
    if (phase < 1) continue;
    phase -= 1;
    pulses[i] = 1;
  }
  const formants = [
    [730, 1090, 2440],
    [270, 2290, 3010],
    [300, 870, 2240],
    [530, 1840, 2480],
  ];
  const voice = new Float32Array(length);
  const part = length / 8;
  for (let vowel = 0; vowel < 8; vowel++) {
    let sound = pulses.slice(vowel * part, (vowel + 1) * part);
    for (const [k, frequency] of (formants[vowel % 4] ?? []).entries())
      sound = resonance(sound, frequency, 60 + 40 * k);
    const loudest = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    sound.forEach((value, i) => {
      voice[vowel * part + i] = ((0.4 * value) / loudest) * Math.sin((Math.PI * i) / part);
    });
  }
  return voice;
};

const resonance = (sound: Float32Array<ArrayBuffer>, frequency: number, width: number): Float32Array<ArrayBuffer> => {
  const radius = Math.exp((-Math.PI * width) / RATE);
  const a = 2 * radius * Math.cos((2 * Math.PI * frequency) / RATE);
  let [before, last] = [0, 0];
  return sound.map((value) => {
    const next = value + a * last - radius * radius * before;
    [before, last] = [last, next];
    return next;
  });
};
