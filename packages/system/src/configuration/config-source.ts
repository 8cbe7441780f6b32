/** Layers in rising precedence. `stored`: written by `golek config set` or the admin API. */
export const CONFIG_LAYERS = ['default', 'file', 'environment', 'flag', 'stored', 'tenant', 'request'] as const;
export type ConfigLayer = (typeof CONFIG_LAYERS)[number];

/** Where a value was written. Lines and columns count from 1. */
export type ConfigSource =
  | { readonly layer: 'default' }
  | { readonly layer: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly layer: 'environment'; readonly variable: string }
  | { readonly layer: 'flag'; readonly flag: string }
  | { readonly layer: 'stored'; readonly store: string; readonly revision: string }
  | { readonly layer: 'tenant'; readonly tenant: string; readonly written: ConfigSource }
  | { readonly layer: 'request' };

/** `golek.yaml:3:9`, `GOLEK_HTTP_PORT`, `--port`, `stored in json-file`, `tenant acme, golek.yaml:9:5`, `the request` or `default`. */
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
    case 'stored':
      return `stored in ${source.store}`;
    case 'tenant':
      return `tenant ${source.tenant}, ${sourceText(source.written)}`;
    case 'request':
      return 'the request';
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

/** `golek.yaml:3:9: 'http.port' must be …` */
export const problemText = ({ source, message }: ConfigProblem): string =>
  source.layer === 'default' ? message : `${sourceText(source)}: ${message}`;

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
