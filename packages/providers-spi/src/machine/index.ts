export { chooseThreads, type ThreadChoice } from './cpu-threads.ts';
export { HUGE_PAGE_ENVIRONMENT, readHugePages, type HugePages } from './huge-pages.ts';
export { takesThreads, ThreadSharing, type ThreadUser } from './thread-shares.ts';
export { availableBytes, readMemoryState, type MemoryState } from './memory-state.ts';
