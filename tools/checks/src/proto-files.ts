import { readFile } from 'node:fs/promises';
import { protoCode } from './proto-code.ts';

const KSERVE = new URL('../../../packages/protocols/src/kserve/wire/', import.meta.url);

/** A file that is made of another. */
export interface MadeFile {
  readonly file: URL;
  readonly content: string;
}

/** The code of every .proto file of the repository, as it should be. */
export const protoFiles = async (): Promise<readonly MadeFile[]> => {
  const name = 'grpc_service.proto';
  const source = await readFile(new URL(name, KSERVE), 'utf8');
  return [{ file: new URL('grpc-service.ts', KSERVE), content: protoCode(source, name) }];
};
