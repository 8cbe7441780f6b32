import { expect, it } from 'vitest';
import { absentPlugins } from './absent-plugins.ts';

it('tells every setting of a plugin that is not there, with the nearest one that is', () => {
  const settings = { options: { cahce: { ttl: 1 }, audit: {} }, disabled: ['audti', 'cache'], isolated: ['later'] };
  expect(absentPlugins(settings, ['cache', 'audit'])).toEqual([
    "plugins.options names the plugin 'cahce', which is not there; did you mean 'cache'?",
    "plugins.isolated names the plugin 'later', which is not there; it has no effect until that is installed",
    "plugins.disabled names the plugin 'audti', which is not there; did you mean 'audit'?",
  ]);
  expect(absentPlugins({ options: {}, disabled: [], isolated: [] }, [])).toEqual([]);
});
