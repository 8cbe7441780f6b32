export { chooseThreads, type ThreadChoice } from './cpu-threads.ts';
export { availableBytes, readMemoryState, type MemoryState } from './memory-state.ts';
