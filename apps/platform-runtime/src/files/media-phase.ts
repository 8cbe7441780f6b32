import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler, InferenceCall, InterceptorContribution } from '@golek/plugins-api';
import type { FileStore } from './file-store.ts';
import { checkedPicture, fileOf, hasMedia, mapMedia } from './request-media.ts';
import { KEPT_FORMATS } from './stored-file.ts';

export interface MediaPhaseDeps {
  readonly files: Pick<FileStore, 'get' | 'read'>;
  /** What the files of one request may have together, bytes: as much as it could have sent along. */
  readonly mostBytes: () => number;
}

/** The call with every file that it names in its place. Throws `not_found`, and `request_too_large` for too many bytes. */
const settled = async (call: InferenceCall, { files, mostBytes }: MediaPhaseDeps): Promise<InferenceCall> => {
  const { tenant } = call.principal;
  const limit = mostBytes();
  const read = new Map<string, string>();
  let bytes = 0;
  const request = await mapMedia(call.request, async (media, at) => {
    const id = fileOf(media);
    if (id === undefined) return checkedPicture(media, at);
    call.signal.throwIfAborted();
    const file = files.get(tenant, id);
    // Each place counts, also of the same file: providers send or decode each.
    bytes += file.bytes;
    if (bytes > limit) {
      const message = `the files that the request names have more than ${limit} bytes together (http.bodyLimitBytes)`;
      throw new GolekError('request_too_large', message, { details: { path: 'file_id', limit } });
    }
    const data = read.get(id) ?? (await files.read(tenant, id)).toString('base64');
    read.set(id, data);
    const source = { kind: 'base64' as const, mediaType: KEPT_FORMATS[file.format], data };
    return file.format === 'WAV' ? { type: 'audio', source } : { type: 'image', source };
  });
  return Object.freeze({ ...call, request });
};

async function* withMedia(call: InferenceCall, next: Handler, deps: MediaPhaseDeps): AsyncGenerator<InferenceEvent> {
  yield* next(await settled(call, deps));
}

/** PRE_PROCESSING: pictures are looked at, and files that were uploaded before put where a request names them. */
export const mediaPhase = (deps: MediaPhaseDeps): InterceptorContribution => ({
  phase: 'PRE_PROCESSING',
  name: 'platform.media',
  critical: true,
  intercept: (next) => (call) => (hasMedia(call.request) ? withMedia(call, next, deps) : next(call)),
});
