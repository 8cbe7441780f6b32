import { GolekError } from '@golek/api';
import type { Plugin } from '@golek/plugins-api';

interface Issue {
  readonly path?: readonly PropertyKey[];
  readonly message: string;
}

/** What a schema library lists in an error, else the message. */
const reasonOf = (thrown: unknown): string => {
  const { issues, message } = thrown as { issues?: unknown; message?: unknown };
  if (!Array.isArray(issues)) return typeof message === 'string' ? message : String(thrown);
  return (issues as readonly Issue[])
    .slice(0, 5)
    .map(({ path = [], message: text }) => (path.length > 0 ? `${path.map(String).join('.')}: ${text}` : text))
    .join('; ');
};

/** The checked options of a plugin. Throws `plugin_invalid` that names the configuration key. */
export const optionsOf = ({ name, version, options }: Plugin, given: unknown): unknown => {
  const key = `plugins.options.${name}`;
  if (!options) {
    if (given === undefined) return undefined;
    throw new GolekError('plugin_invalid', `plugin '${name}' ${version} takes no options; remove ${key}`, {
      details: { plugin: name, key },
    });
  }
  try {
    return options(given ?? {});
  } catch (thrown) {
    throw new GolekError('plugin_invalid', `the options of plugin '${name}' ${version} (${key}): ${reasonOf(thrown)}`, {
      cause: thrown,
      details: { plugin: name, key },
    });
  }
};
