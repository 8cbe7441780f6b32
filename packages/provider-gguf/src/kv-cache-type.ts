import { GolekError } from '@golek/providers-spi';

/** Types that llama.cpp takes for its KV cache, and the elements that one block of each holds. */
const BLOCKS = {
  f32: 1,
  f16: 1,
  bf16: 1,
  q8_0: 32,
  q5_1: 32,
  q5_0: 32,
  q4_1: 32,
  q4_0: 32,
  iq4_nl: 32,
} as const;

type KvType = keyof typeof BLOCKS;

export const KV_TYPES = Object.keys(BLOCKS) as readonly KvType[];

/** Types of the two halves of a KV cache. */
export interface KvCacheTypes {
  readonly key: KvType;
  readonly value: KvType;
}

/** Components of one head's keys and values; undefined where a model file does not say. */
export interface HeadSizes {
  readonly key: number | undefined;
  readonly value: number | undefined;
}

const isType = (text: string | undefined): text is KvType => text !== undefined && Object.hasOwn(BLOCKS, text);

/** Whether it is `TYPE` or `KEYS/VALUES`. */
export const isKvCacheType = (value: unknown): boolean =>
  typeof value === 'string' && value.split('/').every(isType) && value.split('/').length <= 2;

const typesOf = (text: string): KvCacheTypes => {
  const [key, value = key] = text.split('/');
  if (!isType(key) || !isType(value)) throw new GolekError('config_invalid', `'${text}' is no type of a KV cache`);
  return { key, value };
};

export interface KvCacheUse {
  readonly model: string;
  /** As in the options, checked. */
  readonly kvCacheType: string;
  readonly flashAttention: 'auto' | boolean;
  readonly heads: HeadSizes;
}

/**
 * The types for a model. Throws `config_invalid` where llama.cpp would refuse or end the process: quantised values without flash attention, and
 * heads that blocks do not divide.
 */
export const kvCacheFor = ({ model, kvCacheType, flashAttention, heads }: KvCacheUse): KvCacheTypes => {
  const types = typesOf(kvCacheType);
  const refuse = (problem: string): never => {
    throw new GolekError('config_invalid', `kvCacheType '${kvCacheType}' of the model '${model}': ${problem}`, {
      details: { key: 'kvCacheType', model },
    });
  };
  if (BLOCKS[types.value] > 1 && flashAttention === false) {
    const keysOnly = `${types.key}/f16`;
    refuse(
      `quantised values need flash attention, which is off; set flashAttention to true, or quantise keys only: '${keysOnly}'`,
    );
  }
  for (const half of ['key', 'value'] as const) {
    const size = heads[half];
    const block = BLOCKS[types[half]];
    if (size !== undefined && size % block !== 0)
      refuse(
        `${types[half]} has blocks of ${block}, which do not divide the model's ${half} heads of ${size}; use f16`,
      );
  }
  return types;
};
