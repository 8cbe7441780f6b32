import { GolekError } from '@golek/api';
import { ErrorBody } from '@golek/protocols/ollama';
import type { Route, RouteMethod } from '../route.ts';
import { NOT_IMPLEMENTED } from './form.ts';

interface Absent {
  readonly method: RouteMethod;
  readonly path: string;
  readonly does: string;
  /** What to do in its place. */
  readonly instead: string;
}

const ADD = "put its file into a folder of 'models.folders', or name it in 'models.list'; files are GGUF or ONNX";

const ABSENT: readonly Absent[] = [
  { method: 'POST', path: '/api/pull', does: 'get a model from a registry', instead: ADD },
  { method: 'POST', path: '/api/push', does: 'send a model to a registry', instead: "copy the model's file" },
  {
    method: 'POST',
    path: '/api/create',
    does: 'make a model out of another',
    instead: "name it in 'models.list' with the options that it shall have",
  },
  {
    method: 'POST',
    path: '/api/copy',
    does: 'give a model another name',
    instead: 'make a route to it: golek routes set NAME MODEL',
  },
  {
    method: 'DELETE',
    path: '/api/delete',
    does: 'delete a model',
    instead: "take it out of 'models.list', or delete its file and restart",
  },
  { method: 'GET', path: '/api/blobs/:digest', does: 'keep files by their digest', instead: ADD },
  { method: 'POST', path: '/api/blobs/:digest', does: 'keep files by their digest', instead: ADD },
];

/** What Ollama's API has and this server cannot do: each says what to do in its place. */
export const ollamaAbsentRoutes: readonly Route[] = ABSENT.map(({ method, path, does, instead }) => ({
  method,
  path,
  scope: 'inference',
  errors: NOT_IMPLEMENTED,
  operation: {
    summary: `Refused: this server does not ${does}.`,
    tag: 'models',
    status: 501,
    response: ErrorBody,
    ...(path.includes(':digest') && { parameters: { digest: 'Digest of the file.' } }),
  },
  handle: () => {
    throw new GolekError('unsupported', `this server does not ${does}: ${instead}`);
  },
}));
