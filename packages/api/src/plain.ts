// What needs no schema library: an engine process that imports only this starts 0.13 s earlier and 25 MB smaller.
export { ERROR_CATALOGUE, ERROR_CODES, isErrorCode, type ErrorCode, type ErrorEntry } from './error-catalogue.ts';
export { GolekError, type ErrorDetails, type GolekErrorOptions } from './golek-error.ts';
export { collect, type GeneratedChoice, type InferenceResult } from './collect.ts';
export { fileKind } from './file-kind.ts';
export { nearest } from './nearest.ts';
export { textOf } from './text-of.ts';
