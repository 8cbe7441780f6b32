import type { IncomingMessage } from 'node:http';
import { GolekError } from '@golek/api';
import { boundaryOf, MultipartParser, type PartHead } from '@golek/protocols/multipart';
import { readUploadForm } from '@golek/protocols/openai-files';
import type { FileStore, OpenUpload } from '../../files/file-store.ts';
import type { StoredFile } from '../../files/stored-file.ts';

/** Longest field beside the file, bytes. */
const LONGEST_FIELD = 1024;

const wrong = (path: string, message: string): GolekError =>
  new GolekError('invalid_request', message, { details: { path } });

const broken = (cause: unknown): GolekError =>
  new GolekError('cancelled', 'the client closed the connection before its request was complete', { cause });

/** The body piece by piece; leaving the loop early leaves the connection open for the answer. */
async function* piecesOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (thrown) {
    throw request.readableAborted ? broken(thrown) : thrown;
  }
}

/** The parts of an upload as they come: the file to its place, fields into memory. */
class UploadParts {
  readonly #upload: OpenUpload;
  readonly #fields: Record<string, string> = {};
  #head: PartHead | undefined;
  #field: Buffer[] = [];
  #length = 0;
  #filename: string | undefined;

  constructor(upload: OpenUpload) {
    this.#upload = upload;
  }

  begin(head: PartHead): void {
    const { name, filename } = head;
    if (Object.hasOwn(this.#fields, name) || (name === 'file' && this.#filename !== undefined)) {
      throw wrong(name, `the form has '${name}' twice`);
    }
    if (name === 'file') {
      if (filename === undefined) throw wrong('file', "the part 'file' has no filename; send it as a file");
      this.#filename = filename === '' ? 'file' : filename;
    }
    this.#head = head;
    this.#field = [];
    this.#length = 0;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#head?.name === 'file') return this.#upload.write(bytes);
    this.#length += bytes.length;
    if (this.#length > LONGEST_FIELD) {
      const name = this.#head?.name ?? '';
      throw wrong(
        name,
        `the field '${name.slice(0, 80)}' has more than ${LONGEST_FIELD} bytes; the file goes into 'file'`,
      );
    }
    // The bytes may be a view of a buffer that is let go of.
    this.#field.push(Buffer.from(bytes));
  }

  end(): void {
    const name = this.#head?.name ?? '';
    if (name !== 'file') this.#fields[name] = Buffer.concat(this.#field).toString('utf8');
  }

  async keep(): Promise<StoredFile> {
    const wish = readUploadForm(this.#fields);
    const filename = this.#filename;
    if (filename === undefined) throw wrong('file', "the form has no part 'file'; send the file in it");
    return this.#upload.keep({ ...wish, filename });
  }
}

/** Reads an upload into the store; what is wrong with it is thrown, and nothing is left of it then. */
export const receiveUpload = async (
  request: IncomingMessage,
  store: FileStore,
  tenant: string,
): Promise<StoredFile> => {
  const parser = new MultipartParser(boundaryOf(request.headers['content-type']));
  const upload = await store.begin(tenant);
  const parts = new UploadParts(upload);
  try {
    for await (const piece of piecesOf(request)) {
      for (const event of parser.push(piece)) {
        if (event.type === 'part') parts.begin(event.head);
        else if (event.type === 'bytes') await parts.write(event.bytes);
        else parts.end();
      }
    }
    parser.finish();
    return await parts.keep();
  } finally {
    await upload.discard();
  }
};
