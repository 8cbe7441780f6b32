import { fileKind, GolekError, type ContentPart, type ImagePart, type InferenceRequest } from '@golek/api';
import { fileIdOf } from '@golek/protocols/openai';

type ClassifyInput = Extract<InferenceRequest, { task: 'classify' }>['inputs'][number];
type Media = Exclude<ClassifyInput, string>;

/** Puts something else in the place of a picture or recording; `at` names its place in messages of errors. */
type Change = (media: Media, at: string) => Media | Promise<Media>;

/** Media types of pictures by their format. */
const PICTURES: Readonly<Record<string, string>> = {
  PNG: 'image/png',
  JPEG: 'image/jpeg',
  WebP: 'image/webp',
  GIF: 'image/gif',
  BMP: 'image/bmp',
};

/** Base64 digits that tell a format: those of 66 bytes. */
const BEGINNING = 88;

const isMedia = (part: ContentPart): part is ImagePart => part.type === 'image';

/** True for a request with a picture or a recording. */
export const hasMedia = (request: InferenceRequest): boolean => {
  switch (request.task) {
    case 'generate':
    case 'count':
      return request.input.type === 'chat' && request.input.messages.some(({ content }) => content.some(isMedia));
    case 'classify':
      return request.inputs.some((input) => typeof input !== 'string');
    default:
      return false;
  }
};

/** The same request with each picture and recording changed, one after the other. */
export const mapMedia = async (request: InferenceRequest, change: Change): Promise<InferenceRequest> => {
  if (request.task === 'classify') {
    const inputs: ClassifyInput[] = [];
    for (const [index, input] of request.inputs.entries()) {
      inputs.push(typeof input === 'string' ? input : await change(input, `inputs[${index}]`));
    }
    return { ...request, inputs };
  }
  if ((request.task !== 'generate' && request.task !== 'count') || request.input.type !== 'chat') return request;
  const messages = [];
  for (const [index, message] of request.input.messages.entries()) {
    const content: ContentPart[] = [];
    for (const [place, part] of message.content.entries()) {
      const at = `the picture in messages[${index}].content[${place}]`;
      const changed = isMedia(part) ? await change(part, at) : part;
      if (changed.type === 'audio') throw notAPicture(at, 'a recording');
      content.push(changed);
    }
    messages.push({ ...message, content });
  }
  return { ...request, input: { ...request.input, messages } };
};

/** A picture with the media type that its bytes have. Throws `invalid_request` for other files; recordings are for their model to read. */
export const checkedPicture = (media: Media, at: string): Media => {
  const { source } = media;
  if (media.type !== 'image' || source.kind !== 'base64') return media;
  const format = fileKind(Buffer.from(source.data.slice(0, BEGINNING), 'base64'));
  const mediaType = format === undefined ? undefined : PICTURES[format];
  if (mediaType === undefined) {
    throw notAPicture(at, format === undefined ? 'of no format that is known here' : `a file of the format ${format}`);
  }
  return mediaType === source.mediaType ? media : { type: 'image', source: { ...source, mediaType } };
};

/** The id of the file that stands for a picture or recording. */
export const fileOf = ({ source }: Media): string | undefined => fileIdOf(source);

const notAPicture = (at: string, what: string): GolekError =>
  new GolekError('invalid_request', `${at} is ${what}; send a PNG, JPEG, WebP or GIF file`, {
    details: { option: 'input.image' },
  });
