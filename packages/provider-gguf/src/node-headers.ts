import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GolekError } from '@golek/providers-spi';

/** The folder with the headers of the Node that runs this. Throws `unsupported` where it came without them. */
export const nodeHeaders = async (): Promise<string> => {
  const folder = join(dirname(process.execPath), '../include/node');
  await access(join(folder, 'node_api.h')).catch(() => {
    throw new GolekError(
      'unsupported',
      `this Node (${process.execPath}) comes without its headers: '${folder}' has no node_api.h; use one that was installed with them`,
      { details: { folder } },
    );
  });
  return folder;
};
