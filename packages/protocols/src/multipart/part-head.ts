import { GolekError } from '@golek/api';

/** What a form says of one of its parts. */
export interface PartHead {
  readonly name: string;
  /** Present for a file; without folders and control characters. */
  readonly filename?: string;
  readonly mediaType?: string;
}

const LONGEST_FILENAME = 255;
const PARAMETER = /;\s*([\w*]+)\s*=\s*("((?:[^"\\]|\\.)*)"|[^\s";]+)/g;
/** Parts are bytes as they are. */
const PLAIN_ENCODINGS = /^(binary|8bit|7bit)$/i;

const invalid = (message: string): GolekError => new GolekError('invalid_request', `the form is malformed: ${message}`);

/** Browsers and fetch write three characters of names as %XX; others put a backslash before a quote. */
const unquoted = (text: string): string =>
  text.replaceAll('\\"', '"').replaceAll('%22', '"').replaceAll(/%0D/gi, '\r').replaceAll(/%0A/gi, '\n');

/** `UTF-8''…` of RFC 5987. */
const extended = (text: string): string => {
  const [, encoded] = /^utf-8'[^']*'(.*)$/i.exec(text) ?? [];
  if (encoded === undefined) throw invalid(`the name of a file is '${text.slice(0, 80)}'; send it in UTF-8`);
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw invalid(`the name of a file is '${text.slice(0, 80)}', which is not UTF-8`);
  }
};

const parametersOf = (disposition: string): ReadonlyMap<string, string> =>
  new Map(
    [...disposition.matchAll(PARAMETER)].map(([, name = '', bare = '', quoted]) => [
      name.toLowerCase(),
      quoted === undefined ? bare : unquoted(quoted),
    ]),
  );

/** The last part of a path, as one line. */
const nameOnly = (filename: string): string => {
  const name = filename.split(/[/\\]/).at(-1) ?? '';
  return name.replaceAll(/\p{Cc}/gu, '').slice(0, LONGEST_FILENAME);
};

/** Reads the header of a part. Throws `invalid_request`. */
export const readPartHead = (text: string): PartHead => {
  const headers = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw invalid(`the header of a part has the line '${line.slice(0, 80)}'`);
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get('content-disposition') ?? '';
  if (!/^form-data\s*(;|$)/i.test(disposition)) {
    throw invalid(`a part has the content-disposition '${disposition.slice(0, 80)}'; expected form-data`);
  }
  const encoding = headers.get('content-transfer-encoding');
  if (encoding !== undefined && !PLAIN_ENCODINGS.test(encoding)) {
    throw invalid(`a part has the content-transfer-encoding '${encoding.slice(0, 40)}'; send the bytes as they are`);
  }
  const parameters = parametersOf(disposition);
  const name = parameters.get('name');
  if (name === undefined || name === '') throw invalid('a part has no name');
  const encoded = parameters.get('filename*');
  const filename = encoded === undefined ? parameters.get('filename') : extended(encoded);
  const mediaType = headers.get('content-type');
  return {
    name,
    ...(filename !== undefined && { filename: nameOnly(filename) }),
    ...(mediaType !== undefined && { mediaType }),
  };
};
