import type { ErrorData, ModelManifest } from '@golek/api';
import type { KnownModel } from '../models/list-models.ts';
import { styled } from './style.ts';
import { factLines, textTable } from './text-table.ts';

/** What is known of a model: its manifest, or why its file cannot be used. */
export interface ModelRow {
  readonly name: string;
  readonly path: string;
  readonly origin: KnownModel['origin'];
  readonly manifest?: ModelManifest;
  readonly error?: ErrorData;
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units, as disks are sold: `4.4 MB`. */
export const bytesText = (bytes: number): string => {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power] ?? ''}`;
};

const countText = (count: number): string =>
  count >= 1e9 ? `${(count / 1e9).toFixed(1)} B` : count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : String(count);

const HEADINGS = ['NAME', 'ARCHITECTURE', 'PARAMETERS', 'QUANTIZATION', 'SIZE', 'CONTEXT', 'ORIGIN'];

/** A table for people; broken models come with the reason below their line. */
export const modelTable = (rows: readonly ModelRow[], byDefault: string | undefined): string => {
  const cells = rows.map(({ name, origin, manifest = {} as Partial<ModelManifest> }) => [
    name === byDefault ? `${name} *` : name,
    manifest.architecture ?? '-',
    manifest.parameterCount === undefined ? '-' : countText(manifest.parameterCount),
    manifest.quantization ?? '-',
    manifest.sizeBytes === undefined ? '-' : bytesText(manifest.sizeBytes),
    manifest.contextLength === undefined ? '-' : String(manifest.contextLength),
    origin,
  ]);
  const notes = rows.map(({ error }) => error && `cannot be used: ${error.message} [${error.code}]`);
  const legend = styled(process.stdout, 'dim', '* answers when no model is named');
  return textTable(HEADINGS, cells, notes) + (byDefault === undefined ? '' : `${legend}\n`);
};

/** All that is known of one model, a fact a line. */
export const modelDetails = ({ name, path, origin, manifest, error }: ModelRow): string =>
  factLines([
    ['name', name],
    ['path', path],
    ['origin', origin],
    ['provider', manifest?.provider],
    ['tasks', manifest?.tasks.join(', ')],
    ['format', manifest?.format],
    ['architecture', manifest?.architecture],
    ['parameters', manifest?.parameterCount?.toLocaleString('en')],
    ['quantization', manifest?.quantization],
    ['size', manifest?.sizeBytes === undefined ? undefined : bytesText(manifest.sizeBytes)],
    ['context', manifest?.contextLength === undefined ? undefined : `${manifest.contextLength} tokens`],
    ['embedding', manifest?.embeddingLength === undefined ? undefined : `${manifest.embeddingLength} components`],
    ['chat template', manifest?.chatTemplate === undefined ? undefined : manifest.chatTemplate ? 'yes' : 'no'],
    ['license', manifest?.license],
    ['error', error && `${error.message} [${error.code}]`],
  ]);
