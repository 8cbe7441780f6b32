export { DATA_PLACES, DataFolder, type DataFolderReport, type DataPlace } from './data-folder/data-folder.ts';
export {
  discoverModels,
  type DiscoverOptions,
  type DiscoveredModel,
  type Discovery,
} from './models/discover-models.ts';
