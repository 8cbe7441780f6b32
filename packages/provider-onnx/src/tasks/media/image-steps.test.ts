import { describe, expect, test } from 'vitest';
import type { TensorPort } from '../../graph.ts';
import { noise } from '../../media/pictures.fixture.ts';
import { fromHalves } from '../half-floats.ts';
import type { JsonObject } from '../../text/json-fields.ts';
import { failure } from '../../test-session.fixture.ts';
import { port } from '../text-model.fixture.ts';
import { fitPicture, resizedTo } from './fit-picture.ts';
import { imagePort, pixelTensor, type ImagePort } from './image-port.ts';
import { readImageSteps, type ImageSteps } from './image-steps.ts';

const pictures = (dims: TensorPort['dims'], type: TensorPort['type'] = 'FP32', channels: 1 | 3 = 3): ImagePort => {
  const found = imagePort([port('pixel_values', dims, type)], channels);
  if (!found) throw new Error('no input of pictures');
  return found;
};
const ANY = pictures(['batch', 3, 'height', 'width']);
const steps = (file: JsonObject, image = ANY): ImageSteps => readImageSteps('m', file, image);

describe('inputs of pictures', () => {
  test.each<[TensorPort['dims'], object | undefined]>([
    [['n', 3, 224, 200], { layout: 'NCHW', channels: 3, width: 200, height: 224, rows: undefined }],
    [[1, 1, 28, 28], { layout: 'NCHW', channels: 1, width: 28, height: 28, rows: 1 }],
    [[8, 224, 200, 3], { layout: 'NHWC', channels: 3, width: 200, height: 224, rows: 8 }],
    [['n', 'h', 'w', 1], { layout: 'NHWC', channels: 1, width: undefined, height: undefined }],
    [['n', 'c', 'h', 'w'], { layout: 'NCHW', channels: 3, width: undefined, height: undefined }],
    [['n', 4, 'h', 'w'], undefined],
    [['n', 3, 224], undefined],
  ])('%j', (dims, wanted) => {
    const found = imagePort([port('x', dims, 'FP32')], 3);
    if (wanted) expect(found).toMatchObject(wanted);
    else expect(found).toBeUndefined();
  });

  test('nothing beside them, and nothing but numbers of pixels', () => {
    expect(imagePort([port('x', ['n', 3, 8, 8], 'INT64')], 3)).toBeUndefined();
    expect(imagePort([port('x', ['n', 3, 8, 8], 'FP32'), port('ids')], 3)).toBeUndefined();
    expect(imagePort([port('x', ['n', 'c', 'h', 'w'], 'FP16')], 1)).toMatchObject({ channels: 1 });
  });
});

describe('preprocessor_config.json', () => {
  const vit = {
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { height: 224, width: 200 },
    resample: 3,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.4, 0.3],
    image_std: [0.5, 0.25, 0.2],
  };

  test('size, filter, scale and normalisation', () => {
    const { resize, filter, crop, scales, flipChannels } = steps(vit);
    expect(resize).toEqual({ kind: 'exact', size: { width: 200, height: 224 } });
    expect([filter, crop, flipChannels]).toEqual(['bicubic', undefined, false]);
    scales.forEach(({ scale, offset }, channel) => {
      const [mean = 0, deviation = 1] = [vit.image_mean[channel], vit.image_std[channel]];
      expect(200 * scale + offset).toBeCloseTo((200 / 255 - mean) / deviation, 6);
    });
  });

  test.each<[JsonObject, object]>([
    [{ size: 224 }, { resize: { kind: 'exact', size: { width: 224, height: 224 } }, filter: 'bilinear' }],
    [{ size: [100, 90] }, { resize: { kind: 'exact', size: { width: 100, height: 90 } } }],
    [{ size: 224, feature_extractor_type: 'CLIPFeatureExtractor' }, { resize: { kind: 'shortest', edge: 224 } }],
    [{ size: { shortest_edge: 224 } }, { resize: { kind: 'shortest', edge: 224, longest: undefined } }],
    [{ size: { shortest_edge: 224, longest_edge: 300 } }, { resize: { kind: 'shortest', edge: 224, longest: 300 } }],
    [
      { do_resize: false, do_center_crop: true, crop_size: 96 },
      { resize: undefined, crop: { width: 96, height: 96 } },
    ],
    [{ size: 256, do_center_crop: true, crop_size: { width: 90, height: 80 } }, { crop: { width: 90, height: 80 } }],
    [{ size: 256, do_center_crop: false, crop_size: 224 }, { crop: undefined }],
    // Each of these processors has its own way to leave a margin.
    [
      {
        size: { shortest_edge: 224 },
        do_center_crop: true,
        crop_size: 224,
        image_processor_type: 'LevitImageProcessor',
      },
      { resize: { kind: 'shortest', edge: 256 }, crop: { width: 224 } },
    ],
    [
      { size: { shortest_edge: 224 }, crop_pct: 0.875, image_processor_type: 'ConvNextImageProcessorFast' },
      { resize: { kind: 'shortest', edge: 256 }, crop: { width: 224, height: 224 } },
    ],
    [
      { size: { shortest_edge: 384 }, image_processor_type: 'ConvNextImageProcessor' },
      { resize: { kind: 'exact', size: { width: 384, height: 384 } }, crop: undefined },
    ],
    [
      {
        size: { shortest_edge: 224 },
        do_center_crop: true,
        crop_size: 224,
        image_processor_type: 'PoolFormerImageProcessor',
      },
      { resize: { kind: 'shortest', edge: 248 }, crop: { width: 224 } },
    ],
    [{ size: 9, image_processor_type: 'MobileViTImageProcessor' }, { flipChannels: true }],
    [{ size: 9, do_flip_channel_order: true }, { flipChannels: true }],
    [{ size: 9, resample: 'lanczos' }, { filter: 'lanczos' }],
  ])('%j', (file, wanted) => {
    expect(steps(file)).toMatchObject(wanted);
  });

  test('values of a pixel', () => {
    const value = (file: JsonObject, byte: number, image = ANY): number => {
      const [first] = steps({ size: 9, ...file }, image).scales;
      return byte * (first?.scale ?? NaN) + (first?.offset ?? NaN);
    };
    expect(value({}, 255)).toBe(1);
    expect(value({ do_rescale: false }, 255)).toBe(255);
    expect(value({ rescale_factor: 1 / 127.5, rescale_offset: true }, 0)).toBe(-1);
    expect(value({ image_mean: 0.5, image_std: 0.25 }, 255)).toBe(2);
    expect(value({ image_mean: [0.5, 0, 0], image_std: [0.5, 1, 1], include_top: true }, 255)).toBe(2);
    expect(value({ image_mean: [0.5], image_std: [0.5], do_normalize: false }, 255)).toBe(1);
    // A graph of bytes does the rest itself.
    expect(value({ image_mean: [0.5], image_std: [0.5] }, 255, pictures(['n', 9, 9, 3], 'UINT8'))).toBe(255);
  });

  test('a graph of one size needs none in the file', () => {
    expect(steps({}, pictures([1, 1, 28, 30])).resize).toEqual({ kind: 'exact', size: { width: 30, height: 28 } });
  });

  test.each<[JsonObject, 'unsupported' | 'model_invalid', string]>([
    [{ size: 9, do_pad: true }, 'unsupported', "'do_pad'"],
    [{ size: { longest_edge: 9 } }, 'unsupported', 'longest_edge'],
    [{}, 'model_invalid', "no 'size'"],
    [{ size: 'large' }, 'model_invalid', "'size'"],
    [{ size: { width: 9 } }, 'model_invalid', "'size.height'"],
    [{ size: 1e9 }, 'model_invalid', '1000000000'],
    [{ size: 9, do_resize: 'yes' }, 'model_invalid', "'do_resize'"],
    [{ size: 9, do_center_crop: true }, 'model_invalid', "'crop_size'"],
    [{ size: 9, resample: 9 }, 'model_invalid', "'resample' 9"],
    [{ size: 9, do_normalize: true }, 'model_invalid', "'image_mean'"],
    [{ size: 9, image_mean: [0.5, 0.5], image_std: [1, 1] }, 'model_invalid', '3 channels'],
    [{ size: 9, image_mean: 0, image_std: 0 }, 'model_invalid', "'image_std' of 0"],
  ])('%j is refused by name', async (file, code, problem) => {
    const error = await failure(() => steps(file), code);
    expect(error.message).toContain(problem);
    expect(error.message).toContain("the option 'preprocessor' overrides");
  });

  test('a size that the graph does not take is refused', async () => {
    const error = await failure(() => steps({ size: 224 }, pictures([1, 3, 256, 256])), 'model_invalid');
    expect(error.message).toContain('224 × 224 pixels, and the graph takes 256 × 256');
  });
});

describe('a picture as the graph takes it', () => {
  test('sizes are counted as the processors count them', () => {
    const shortest = { kind: 'shortest', edge: 256, longest: undefined } as const;
    expect(resizedTo({ width: 640, height: 427 }, shortest)).toEqual({ width: 383, height: 256 });
    expect(resizedTo({ width: 427, height: 640 }, shortest)).toEqual({ width: 256, height: 383 });
    expect(resizedTo({ width: 1000, height: 100 }, { ...shortest, longest: 500 })).toEqual({ width: 500, height: 50 });
    expect(resizedTo({ width: 5, height: 6 }, undefined)).toEqual({ width: 5, height: 6 });
  });

  test('the middle is cut out; what is too small stands in black', async () => {
    const picture = noise(10, 7, 3);
    const file = { do_resize: false, do_center_crop: true, crop_size: { width: 4, height: 12 } };
    const fitted = await fitPicture(picture, 'inputs[0]', ANY, steps(file), 1e6);
    expect(fitted).toMatchObject({ width: 4, height: 12 });
    for (let y = 0; y < 12; y++)
      for (let x = 0; x < 4; x++) {
        const [column, row] = [x + 3, y - 3];
        const from = 3 * (row * 10 + column);
        const wanted = row >= 0 && row < 7 ? [...picture.data.subarray(from, from + 3)] : [0, 0, 0];
        expect([...fitted.data.subarray(3 * (4 * y + x), 3 * (4 * y + x) + 3)]).toEqual(wanted);
      }
  });

  test('a line of pixels does not become a mountain of them', async () => {
    const line = noise(2, 40_000, 3);
    const grown = { size: { shortest_edge: 64 } };
    const error = await failure(fitPicture(line, 'inputs[3]', ANY, steps(grown), 1e6), 'invalid_request');
    expect(error.message).toBe(
      "inputs[3] has 2 × 40000 pixels and cannot be made 64 × 1280000 within 1000000 pixels (option 'maxImagePixels')",
    );
    const narrow = await failure(fitPicture(line, 'inputs[0]', ANY, steps({ size: 64 }), 1e6), 'invalid_request');
    expect(narrow.message).toContain('64 × 64');
    const cut = { ...grown, do_center_crop: true, crop_size: 16 };
    expect(await fitPicture(line, 'inputs[0]', ANY, steps(cut), 1e6)).toMatchObject({ width: 16, height: 16 });
  });

  test('one that does not become what the graph takes is refused', async () => {
    const image = pictures([1, 3, 64, 64]);
    const kept = steps({ size: { shortest_edge: 64 } }, image);
    expect(await fitPicture(noise(90, 90, 3), 'inputs[0]', image, kept, 1e6)).toMatchObject({ width: 64 });
    const error = await failure(fitPicture(noise(90, 80, 3), 'inputs[0]', image, kept, 1e6), 'invalid_request');
    expect(error.message).toBe('inputs[0] has 90 × 80 pixels and becomes 72 × 64; the graph takes 64 × 64');
  });

  test('channels lie side by side or one after the other, also turned round, in floats, halves and bytes', () => {
    const picture = { width: 2, height: 1, channels: 3 as const, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    const scales = [1, 10, 100].map((scale) => ({ scale, offset: 0.5 }));
    const asIs = scales.map(() => ({ scale: 1, offset: 0 }));
    const planes = pixelTensor(pictures(['n', 3, 'h', 'w']), [picture], scales, false);
    expect(planes).toEqual({
      type: 'FP32',
      dims: [1, 3, 1, 2],
      data: Float32Array.of(1.5, 4.5, 20.5, 50.5, 300.5, 600.5),
    });
    const flipped = pixelTensor(pictures(['n', 'h', 'w', 3]), [picture], asIs, true);
    expect(flipped).toEqual({ type: 'FP32', dims: [1, 1, 2, 3], data: Float32Array.of(3, 2, 1, 6, 5, 4) });
    const bytes = pixelTensor(pictures([2, 'h', 'w', 3], 'UINT8'), [picture], asIs, false);
    expect(bytes).toEqual({
      type: 'UINT8',
      dims: [2, 1, 2, 3],
      data: Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0),
    });
    const half = pixelTensor(pictures(['n', 3, 'h', 'w'], 'FP16'), [picture], asIs, false);
    expect(half.type).toBe('FP16');
    expect([...fromHalves(half.data as Uint16Array)]).toEqual([1, 4, 2, 5, 3, 6]);
  });
});
