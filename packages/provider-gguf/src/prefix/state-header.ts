import { createHash } from 'node:crypto';

/** What stands beside a saved state, and says whether and for what it can be used. */
export interface StateHeader {
  /** Of model, engine and settings: a state is of use to the same ones only. */
  readonly fingerprint: string;
  /** Who may use it. */
  readonly space: string;
  /** The tokens whose keys and values it holds. */
  readonly tokens: Uint32Array;
  /** Name of the file with the state, in the same folder. */
  readonly file: string;
  readonly bytes: number;
  /** As `digestFile` makes it. */
  readonly digest: string;
}

const FORMAT = 1;
const HEX = /^[0-9a-f]{16,64}$/;
const FILE = /^[0-9a-f-]{16,200}\.state$/;

const checked = (content: object): string => createHash('sha256').update(JSON.stringify(content)).digest('hex');

export const encodeHeader = ({ tokens, ...rest }: StateHeader): string => {
  const list = Buffer.alloc(4 * tokens.length);
  for (const [i, token] of tokens.entries()) list.writeUInt32LE(token, 4 * i);
  const content = { format: FORMAT, ...plain(rest), tokens: list.toString('base64') };
  return JSON.stringify({ ...content, check: checked(content) });
};

/** The fields in one order, which the check depends on. */
const plain = ({
  fingerprint,
  space,
  file,
  bytes,
  digest,
}: Omit<StateHeader, 'tokens'>): Omit<StateHeader, 'tokens'> => ({
  fingerprint,
  space,
  file,
  bytes,
  digest,
});

/** Undefined for anything but a whole header of this version: it is data from a disk. */
export const parseHeader = (text: string): StateHeader | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { check, ...content } = value as Readonly<Record<string, unknown>>;
  if (content.format !== FORMAT || check !== checked(content)) return undefined;
  const { fingerprint, space, tokens, file, bytes, digest } = content;
  const hex = (field: unknown): field is string => typeof field === 'string' && HEX.test(field);
  if (!hex(fingerprint) || !hex(space) || !hex(digest) || typeof tokens !== 'string') return undefined;
  if (typeof file !== 'string' || !FILE.test(file) || !Number.isSafeInteger(bytes)) return undefined;
  const raw = Buffer.from(tokens, 'base64');
  if (raw.length === 0 || raw.length % 4 !== 0) return undefined;
  const list = Uint32Array.from({ length: raw.length / 4 }, (_, i) => raw.readUInt32LE(4 * i));
  return { fingerprint, space, tokens: list, file, bytes: bytes as number, digest };
};
