import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { CodeGeneratorResponse } from 'ts-proto-descriptors';

/** ts-proto's options: plain objects without prototypes, bigint for 64 bits, maps as maps, no TypeScript enum, no dependency on a gRPC library. */
const OPTIONS = [
  'env=browser',
  'forceLong=bigint',
  'oneof=unions-value',
  'useMapType=true',
  'enumsAsLiterals=true',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'outputServices=generic-definitions',
  'annotateFilesWithVersion=false',
].join(',');

type File = descriptor.IFileDescriptorProto;
type Message = descriptor.IDescriptorProto;

/** Field numbers of google.protobuf.compiler.CodeGeneratorRequest. */
const FILE_TO_GENERATE = 1;
const PARAMETER = 2;
const PROTO_FILE = 15;
/** A field whose value has a length. */
const tag = (field: number): number => (field << 3) | 2;

/** `protobufjs` names types as the source does; a compiler's plug-in wants the full names. */
const resolveNames = (file: File): void => {
  const root = `.${file.package ?? ''}`;
  const known = new Set<string>();
  const collect = (scope: string, { name, nestedType, enumType }: Message): void => {
    const full = `${scope}.${name ?? ''}`;
    known.add(full);
    for (const nested of nestedType ?? []) collect(full, nested);
    for (const { name: inner } of enumType ?? []) known.add(`${full}.${inner ?? ''}`);
  };
  for (const message of file.messageType ?? []) collect(root, message);
  for (const { name } of file.enumType ?? []) known.add(`${root}.${name ?? ''}`);

  const fullName = (scope: string, name: string): string => {
    if (name.startsWith('.')) return name;
    for (let outer = scope; outer !== ''; outer = outer.slice(0, outer.lastIndexOf('.'))) {
      if (known.has(`${outer}.${name}`)) return `${outer}.${name}`;
    }
    throw new Error(`the type '${name}' is not in the file`);
  };
  const resolve = (scope: string, message: Message): void => {
    const full = `${scope}.${message.name ?? ''}`;
    for (const field of message.field ?? []) if (field.typeName) field.typeName = fullName(full, field.typeName);
    for (const nested of message.nestedType ?? []) resolve(full, nested);
  };
  for (const message of file.messageType ?? []) resolve(root, message);
  for (const method of (file.service ?? []).flatMap((service) => service.method ?? [])) {
    method.inputType = fullName(root, method.inputType ?? '');
    method.outputType = fullName(root, method.outputType ?? '');
  }
};

/** The file as a serialised google.protobuf.FileDescriptorProto. */
const describe = (source: string, name: string): Uint8Array => {
  const { root } = protobuf.parse(source, { keepCase: true });
  root.resolveAll();
  const set = (root as protobuf.Root & { toDescriptor(syntax: string): unknown }).toDescriptor('proto3');
  const [file] = (set as descriptor.IFileDescriptorSet).file;
  if (!file) throw new Error(`${name} holds nothing`);
  resolveNames(file);
  file.name = name;
  return descriptor.FileDescriptorProto.encode(file).finish();
};

/**
 * The TypeScript of one .proto file without imports: messages, codecs and service, and the file's descriptor for servers that describe themselves. Nothing but npm packages
 * take part: no protoc, no download.
 */
export const protoCode = (source: string, name: string): string => {
  const file = describe(source, name);
  const request = protobuf.Writer.create()
    .uint32(tag(FILE_TO_GENERATE))
    .string(name)
    .uint32(tag(PARAMETER))
    .string(OPTIONS)
    .uint32(tag(PROTO_FILE))
    .bytes(file)
    .finish();
  const plugin = createRequire(import.meta.url).resolve('ts-proto/protoc-gen-ts_proto');
  const { stdout, stderr } = spawnSync(process.execPath, [plugin], { input: request, maxBuffer: 2 ** 26 });
  const answer = stdout.length > 0 ? CodeGeneratorResponse.decode(stdout) : undefined;
  const content = answer?.file[0]?.content;
  if (content === undefined) throw new Error(`ts-proto made nothing of ${name}: ${answer?.error ?? stderr.toString()}`);
  return [
    `// Made of ${name} by \`npm run protos\`: change that file instead.`,
    content.trimEnd(),
    '',
    '/** The file as a serialised google.protobuf.FileDescriptorProto, base64. */',
    `export const FILE_DESCRIPTOR =\n  ${JSON.stringify(Buffer.from(file).toString('base64'))};`,
    '',
  ].join('\n');
};
