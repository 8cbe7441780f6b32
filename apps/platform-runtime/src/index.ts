export { composeServer, type ComposedServer } from './compose-server.ts';
export { createPlatform, type Platform, type PlatformOptions } from './platform.ts';
export {
  loadSettings,
  PLATFORM_SECTIONS,
  type PlatformSettings,
  type SettingsInput,
} from './config/platform-config.ts';
export { listModels, type KnownModel, type KnownModels } from './models/list-models.ts';
export { HTTP_SERVER, httpModule } from './modules/http-module.ts';
export { createHttpServer, type HttpAddress, type HttpConfig, type HttpDeps, type HttpServer } from './http/index.ts';
