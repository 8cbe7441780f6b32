export { byteLevelBytes } from './byte-level.ts';
export { overlap, StopStrings, type StopStep } from './stop-strings.ts';
