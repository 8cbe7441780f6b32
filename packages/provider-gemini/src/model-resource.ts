/** Name of a model as the API's resource: `gemini-x` is `models/gemini-x`; a name with its collection, such as `tunedModels/mine`, stands for itself. */
export const resourceOf = (location: string): string => (location.includes('/') ? location : `models/${location}`);

/** The same without the collection that goes without saying. */
export const nameOf = (location: string): string => location.replace(/^models\//, '');

/** The same as a path. */
export const resourcePath = (location: string): string =>
  `/${resourceOf(location).split('/').map(encodeURIComponent).join('/')}`;
