export {
  testPlugin,
  type PluginTest,
  type PluginTestOptions,
  type TestAnswer,
  type TestRequest,
} from './test-plugin.ts';
