import { definePlugin } from '@golek/plugins-api';
import { parseOptions } from './options.ts';
import { parrotProvider } from './parrot.ts';

export default definePlugin({
  name: '{{name}}',
  version: '0.1.0',
  options: parseOptions,
  setup: (host) => {
    host.provider(parrotProvider('{{id}}', host.options.times));
  },
});
