import { keyedBytes } from '../model-maker/keyed-bytes.ts';

const WORDS = (
  'the of and to in is it that was for on are with as his they at be this from have or by one had not but what all were when we there can an your which their said if do will ' +
  'each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way ' +
  'find use may water long little very after words called just where most know get through back much before go good new write our used me man too any day same right look think also around ' +
  'another came come work three word must because does part even place well such here take why things help put years different away again off went old number great tell men say small every found ' +
  'still between name should home big give air line set own under read last never us left end along while might next sound below saw something thought both few those always show large often ' +
  'together asked house world going want school important until form food keep children feet land side without boy once animals life enough took four head above kind began almost live page got ' +
  'earth need far hand high year mother light country father let night picture being study second book carry took science eat room friend idea fish mountain north base hear horse cut sure watch color'
).split(' ');

/** Words of a sentence: every second one is a short question, one in six is nearly as long as a small encoder reads. */
const LENGTHS = [
  [3, 8],
  [9, 16],
  [4, 10],
  [17, 32],
  [3, 12],
  [33, 64],
] as const;

/** Sentences of mixed lengths, always the same ones, none twice. */
export const mixedSentences = (count: number): string[] => {
  const random = keyedBytes(1, 'sentences');
  const below = (limit: number): number => random(4).readUInt32LE() % limit;
  return Array.from({ length: count }, () => {
    const [least, most] = LENGTHS[below(LENGTHS.length)] ?? [1, 1];
    const words = Array.from({ length: least + below(most - least + 1) }, () => WORDS[below(WORDS.length)] ?? '');
    const text = words.join(' ');
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  });
};
