const PLUGIN_NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
const MAX_LENGTH = 128;

/** Why a name fits neither npm nor Golek; undefined for one that fits both. */
export const nameProblem = (name: string): string | undefined => {
  if (name.length > MAX_LENGTH) return `it has ${name.length} characters; ${MAX_LENGTH} are allowed`;
  if (name !== name.toLowerCase()) return `write it in lower case: '${name.toLowerCase()}'`;
  if (!PLUGIN_NAME.test(name)) {
    return "use lower-case letters, digits, '-', '.' and '_', beginning with a letter or digit; a scope in front is allowed (@acme/shout)";
  }
  if (name.startsWith('@golek/')) return "the scope '@golek' is Golek's own; use yours";
  if (name === 'node_modules') return 'npm uses this name itself';
  return undefined;
};
