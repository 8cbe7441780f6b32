export { DATA_PLACES, DataFolder, type DataFolderReport, type DataPlace } from './data-folder/data-folder.ts';
export type { StagedFile } from './data-folder/staged-write.ts';
export {
  discoverModels,
  type DiscoverOptions,
  type DiscoveredModel,
  type Discovery,
} from './models/discover-models.ts';
export { JsonFileStore } from './key-value/json-file-store.ts';
export { MemoryKeyValueStore } from './key-value/memory-key-value-store.ts';
