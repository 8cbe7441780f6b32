export { OtlpExport, type OtlpCounts, type OtlpOptions } from './otlp-export.ts';
