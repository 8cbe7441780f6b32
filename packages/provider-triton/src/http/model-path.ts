/** The path of a model below the address of its server. */
export const modelPath = (model: string, version: string, end: string): string =>
  `/v2/models/${encodeURIComponent(model)}${version === '' ? '' : `/versions/${encodeURIComponent(version)}`}${end}`;
