import { FILTERS, type Filter } from '../../media/resample.ts';
import { isObject, type JsonObject } from '../../text/json-fields.ts';
import type { ChannelScale, ImagePort } from './image-port.ts';
import { PreprocessorFields } from './preprocessor-fields.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** How large a picture is made: exactly so, or in proportion so that its shorter side is `edge`, and the longer one at most `longest`. */
export type Resize =
  | { readonly kind: 'exact'; readonly size: Size }
  | { readonly kind: 'shortest'; readonly edge: number; readonly longest: number | undefined };

/** What is done to a picture before the graph sees it. */
export interface ImageSteps {
  readonly resize: Resize | undefined;
  readonly filter: Filter;
  /** Cut out of the middle after that; black where the picture is smaller. */
  readonly crop: Size | undefined;
  readonly scales: readonly ChannelScale[];
  /** True: blue comes first. */
  readonly flipChannels: boolean;
}

/** Steps of Hugging Face's image processors that are done here. Others that a file turns on are refused. */
const DONE = ['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize', 'do_convert_rgb', 'do_flip_channel_order'];

/**
 * Reads preprocessor_config.json, with the option `preprocessor` laid over it. Throws `unsupported` for a step that is not done here, `model_invalid` for a field that cannot be
 * understood or does not fit the graph.
 */
export const readImageSteps = (name: string, file: JsonObject, image: ImagePort): ImageSteps => {
  const fields = new PreprocessorFields(name, file);
  const undone = fields.names.find((key) => key.startsWith('do_') && fields.value(key) === true && !DONE.includes(key));
  if (undone !== undefined) fields.refuse('unsupported', `has the step '${undone}', which is not done here`);
  const { resize, crop } = withMargin(fields, readResize(fields, image), readCrop(fields));
  const end = crop ?? (resize?.kind === 'exact' ? resize.size : undefined);
  if (end && ((image.width ?? end.width) !== end.width || (image.height ?? end.height) !== end.height))
    fields.refuse(
      'model_invalid',
      `makes pictures of ${end.width} × ${end.height} pixels, and the graph takes ${image.width ?? 'any'} × ${image.height ?? 'any'}`,
    );
  return {
    resize,
    filter: readFilter(fields),
    crop,
    scales: readScales(fields, image),
    flipChannels: image.channels === 3 && fields.isOn('do_flip_channel_order', fields.processor === 'MobileViT'),
  };
};

/** Processors that read a bare number as the length of the shorter side; the others make a square of it. */
const SHORTEST_EDGE = [
  'CLIP',
  'ChineseCLIP',
  'ConvNext',
  'Levit',
  'MobileNetV1',
  'MobileNetV2',
  'MobileViT',
  'Bit',
  'PoolFormer',
];

const readResize = (fields: PreprocessorFields, { width, height }: ImagePort): Resize | undefined => {
  if (!fields.isOn('do_resize', true)) return undefined;
  const size = fields.value('size');
  if (size === undefined) {
    if (width !== undefined && height !== undefined) return { kind: 'exact', size: { width, height } };
    return fields.refuse('model_invalid', "has no 'size', and the graph takes pictures of any");
  }
  if (typeof size === 'number' && SHORTEST_EDGE.includes(fields.processor))
    return { kind: 'shortest', edge: fields.side('size', size), longest: undefined };
  if (Array.isArray(size)) {
    // The oldest files have [width, height].
    const [wide, high] = size as readonly unknown[];
    return { kind: 'exact', size: fields.size('size', { width: wide, height: high }) };
  }
  if (!isObject(size) || (size['width'] !== undefined && size['shortest_edge'] === undefined))
    return { kind: 'exact', size: fields.size('size', size) };
  const { shortest_edge: edge, longest_edge: longest } = size;
  if (edge === undefined)
    fields.refuse(
      'unsupported',
      `has 'size' ${JSON.stringify(size)}: only width and height, or shortest_edge, are done here`,
    );
  return {
    kind: 'shortest',
    edge: fields.side('size.shortest_edge', edge),
    longest: longest === undefined ? undefined : fields.side('size.longest_edge', longest),
  };
};

const readCrop = (fields: PreprocessorFields): Size | undefined =>
  fields.isOn('do_center_crop', false) ? fields.size('crop_size', fields.value('crop_size')) : undefined;

/** Levit's processor makes pictures larger than it says, by this, before it cuts. */
const LEVIT_RATIO = 256 / 224;
/** ConvNext's warps from this size on, and below it cuts out of the middle of a larger picture. */
const CONVNEXT_WARPS = 384;
const CONVNEXT_CROP = 224 / 256;
const POOLFORMER_CROP = 0.9;

/** Three processors have a way of their own to leave a margin around what they cut out. */
const withMargin = (
  fields: PreprocessorFields,
  resize: Resize | undefined,
  crop: Size | undefined,
): { readonly resize: Resize | undefined; readonly crop: Size | undefined } => {
  if (resize?.kind !== 'shortest') return { resize, crop };
  const { edge } = resize;
  const wider = (ratio: number): Resize => ({ ...resize, edge: Math.trunc(edge * ratio) });
  const share = fields.number('crop_pct');
  switch (fields.processor) {
    case 'Levit':
      return { resize: wider(LEVIT_RATIO), crop };
    case 'PoolFormer':
      return crop ? { resize: wider(1 / (share ?? POOLFORMER_CROP)), crop } : { resize, crop };
    case 'ConvNext': {
      const square = { width: edge, height: edge };
      if (edge >= CONVNEXT_WARPS) return { resize: { kind: 'exact', size: square }, crop };
      return { resize: wider(1 / (share ?? CONVNEXT_CROP)), crop: square };
    }
    default:
      return { resize, crop };
  }
};

const PILLOW_BILINEAR = 2;

const readFilter = (fields: PreprocessorFields): Filter => {
  const value = fields.value('resample') ?? PILLOW_BILINEAR;
  const found = typeof value === 'number' ? FILTERS[value] : FILTERS.find((filter) => filter === value);
  if (found) return found;
  return fields.refuse(
    'model_invalid',
    `has 'resample' ${JSON.stringify(value)}; known are 0 to ${FILTERS.length - 1}: ${FILTERS.join(', ')}`,
  );
};

const readScales = (fields: PreprocessorFields, { channels, port }: ImagePort): readonly ChannelScale[] => {
  const all = Array.from({ length: channels }, (_, channel) => channel);
  // A graph that takes bytes does the rest itself: what it would become fits no byte.
  if (port.type === 'UINT8') return all.map(() => ({ scale: 1, offset: 0 }));
  const rescales = fields.isOn('do_rescale', true);
  const factor = rescales ? (fields.number('rescale_factor') ?? 1 / 255) : 1;
  const shift = rescales && fields.isOn('rescale_offset', false) ? -1 : 0;
  if (!fields.isOn('do_normalize', fields.value('image_mean') !== undefined))
    return all.map(() => ({ scale: factor, offset: shift }));
  const means = fields.channels('image_mean', channels);
  const deviations = fields.channels('image_std', channels);
  if (deviations.includes(0)) fields.refuse('model_invalid', "has an 'image_std' of 0");
  // EfficientNet's processor divides once more where the model has its last layer.
  const again = fields.isOn('include_top', false);
  return all.map((channel) => {
    const deviation = deviations[channel] ?? 1;
    const divisor = again ? deviation * deviation : deviation;
    return { scale: factor / divisor, offset: (shift - (means[channel] ?? 0)) / divisor };
  });
};
