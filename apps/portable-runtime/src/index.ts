export { createPortableRuntime, type PortableRuntimeOptions } from './create-portable-runtime.ts';
export type { PortableLife } from './portable-life.ts';
export type { PortableModel } from './portable-models.ts';
export { PortableRuntime, type ChatOptions, type PortableRequest, type RunOptions } from './portable-runtime.ts';
export { Answer } from './answer.ts';
