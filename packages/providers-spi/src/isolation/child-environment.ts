/**
 * What an engine process inherits: where things are, the locale, and which devices it may use. Keys, tokens and addresses of the
 * server stay out of a process that parses untrusted model files; NODE_OPTIONS would change the child itself.
 */
const INHERITED = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'LOCALAPPDATA',
  'APPDATA',
  'SystemRoot',
  'SystemDrive',
  'windir',
  'TMPDIR',
  'TMP',
  'TEMP',
  'LANG',
  'LC_ALL',
  'TZ',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'CUDA_PATH',
  'HIP_VISIBLE_DEVICES',
  'ROCR_VISIBLE_DEVICES',
  'ONEAPI_DEVICE_SELECTOR',
  'GGML_VK_VISIBLE_DEVICES',
  'VK_ICD_FILENAMES',
  'NODE_COMPILE_CACHE',
] as const;

/** Settings of the C library, a list in which the last of a name counts: the operator's come after the provider's. */
const TUNABLES = 'GLIBC_TUNABLES';

/** The environment of a child: the inherited names and what its provider adds. */
export const childEnvironment = (added: Readonly<Record<string, string>> = {}): Record<string, string> => {
  // Not configuration: a child needs the surroundings of its parent, and they exist only here.
  // eslint-disable-next-line no-restricted-properties
  const surroundings = process.env;
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = surroundings[name];
    if (value !== undefined) environment[name] = value;
  }
  const tunables = [added[TUNABLES], surroundings[TUNABLES]].filter((list) => list !== undefined && list !== '');
  return { ...environment, ...added, ...(tunables.length > 0 && { [TUNABLES]: tunables.join(':') }) };
};
