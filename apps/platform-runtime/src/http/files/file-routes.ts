import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { GolekError } from '@golek/api';
import {
  FileDeleted,
  FileList,
  fileList,
  FileObject,
  fileObject,
  FileUpload,
  readFileListQuery,
} from '@golek/protocols/openai-files';
import type { FileStore } from '../../files/file-store.ts';
import { KEPT_FORMATS, type StoredFile } from '../../files/stored-file.ts';
import { refuseUnaskedPage } from '../cross-origin.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../route.ts';
import { receiveUpload } from './upload-form.ts';

const ID = 'Id of the file.';

const idOf = ({ parameters }: Exchange): string => parameters['id'] ?? '';

/** The files of a page, and whether there are more. Throws `not_found` for an `after` that is none of them. */
const pageOf = (files: readonly StoredFile[], query: URLSearchParams): FileList => {
  const { after, limit, order, purpose } = readFileListQuery(query);
  const ordered = order === 'asc' ? files : files.toReversed();
  const wanted = ordered.filter((file) => purpose === undefined || file.purpose === purpose);
  const start = after === undefined ? 0 : wanted.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) {
    throw new GolekError('not_found', `no file '${after.slice(0, 80)}' is in the list; begin it anew`, {
      details: { path: 'after' },
    });
  }
  return fileList(wanted.slice(start, start + limit), wanted.length > start + limit);
};

/** OpenAI's files API, for pictures and recordings. */
export const fileRoutes = (store: FileStore): readonly Route[] => [
  {
    method: 'POST',
    path: '/v1/files',
    scope: 'inference',
    readsBody: true,
    operation: {
      summary: 'Upload a picture or a recording, to be used in requests by its id.',
      tag: 'files',
      request: FileUpload,
      requestType: 'multipart/form-data',
      response: FileObject,
    },
    handle: async (exchange) => {
      const { request, principal } = exchange;
      refuseUnaskedPage(exchange);
      exchange.sendJson(200, fileObject(await receiveUpload(request, store, principal.tenant)));
    },
  },
  {
    method: 'GET',
    path: '/v1/files',
    scope: 'inference',
    operation: {
      summary: "List the tenant's files.",
      tag: 'files',
      response: FileList,
      query: {
        after: 'Only those behind the file of this id.',
        limit: 'At most so many; default 10,000.',
        order: '`asc` or `desc` (default), by the time of upload.',
        purpose: 'Only those with this purpose.',
      },
    },
    handle: (exchange) => exchange.sendJson(200, pageOf(store.list(exchange.principal.tenant), exchange.query)),
  },
  {
    method: 'GET',
    path: '/v1/files/:id',
    scope: 'inference',
    operation: { summary: 'Describe a file.', tag: 'files', response: FileObject, parameters: { id: ID } },
    handle: (exchange) => exchange.sendJson(200, fileObject(store.get(exchange.principal.tenant, idOf(exchange)))),
  },
  {
    method: 'GET',
    path: '/v1/files/:id/content',
    scope: 'inference',
    operation: {
      summary: 'Get the bytes of a file.',
      tag: 'files',
      mediaType: 'application/octet-stream',
      parameters: { id: ID },
    },
    handle: async (exchange) => {
      const { tenant } = exchange.principal;
      const { id, bytes, format, digest } = store.get(tenant, idOf(exchange));
      const { request, response, signal } = exchange;
      response.writeHead(200, {
        ...exchange.headers(KEPT_FORMATS[format]),
        'content-length': bytes,
        // A picture from somebody is no page of this server.
        'content-disposition': 'attachment',
        etag: `"${digest}"`,
      });
      if (request.method === 'HEAD') {
        response.end();
        return;
      }
      try {
        await pipeline(createReadStream(store.contentOf(tenant, id)), response, { signal });
      } catch (thrown) {
        // A client that has gone, perhaps with all bytes, needs no answer.
        if (!signal.aborted) throw thrown;
      }
    },
  },
  {
    method: 'DELETE',
    path: '/v1/files/:id',
    scope: 'inference',
    operation: { summary: 'Delete a file.', tag: 'files', response: FileDeleted, parameters: { id: ID } },
    handle: async (exchange) => {
      const id = idOf(exchange);
      await store.delete(exchange.principal.tenant, id);
      exchange.sendJson(200, { id, object: 'file', deleted: true });
    },
  },
];
