/** Layers in rising precedence. */
export const CONFIG_LAYERS = ['default', 'file', 'environment', 'flag'] as const;
export type ConfigLayer = (typeof CONFIG_LAYERS)[number];

/** Where a value was written. Lines and columns count from 1. */
export type ConfigSource =
  | { readonly layer: 'default' }
  | { readonly layer: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly layer: 'environment'; readonly variable: string }
  | { readonly layer: 'flag'; readonly flag: string };

/** `golek.yaml:3:9`, `GOLEK_HTTP_PORT`, `--port` or `default`. */
export const sourceText = (source: ConfigSource): string => {
  switch (source.layer) {
    case 'default':
      return 'default';
    case 'file':
      return `${source.file}:${source.line}:${source.column}`;
    case 'environment':
      return source.variable;
    case 'flag':
      return source.flag;
  }
};

/** Something wrong in a layer. */
export interface ConfigProblem {
  readonly source: ConfigSource;
  /** The key in question; empty when none is. */
  readonly key: string;
  /** Names the key, the value (unless secret) and the remedy. */
  readonly message: string;
}

/** What one layer says about one key. */
export interface ConfigValue {
  readonly key: string;
  readonly value: unknown;
  readonly source: ConfigSource;
  /** The place of something inside the value, where the layer knows it. */
  readonly locate?: (path: readonly PropertyKey[]) => ConfigSource;
}

export interface LayerValues {
  readonly values: readonly ConfigValue[];
  readonly problems: readonly ConfigProblem[];
}
