export { createPlugin, type CreatedPlugin, type CreatePluginOptions } from './create-plugin.ts';
export { TEMPLATES, type Template } from './templates.ts';
