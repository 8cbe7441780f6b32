import type { DataFolder } from '@golek/core';
import { LOG, PHASES, serviceToken, type SystemModule } from '@golek/system';
import { filesConfig } from '../config/files-config.ts';
import { httpConfig } from '../config/http-config.ts';
import { FileStore } from '../files/file-store.ts';
import { mediaPhase } from '../files/media-phase.ts';
import { fileRoutes } from '../http/files/file-routes.ts';
import { HTTP_ROUTES } from './http-module.ts';

const FILES = serviceToken<FileStore>('uploaded files');

/** Files that are uploaded once and used in requests by their ids; pictures in requests are looked at. */
export const filesModule = (data: DataFolder): SystemModule => ({
  name: 'files',
  config: [filesConfig],
  register: (registrar, { configuration }) => {
    registrar.register({
      token: FILES,
      needs: [LOG],
      create: (log) => new FileStore({ data, limits: () => configuration.get(filesConfig), log }),
      start: (files) => files.load(),
      stop: (files) => files[Symbol.asyncDispose](),
    });
    registrar.contribute({ to: HTTP_ROUTES, name: 'files', needs: [FILES], create: fileRoutes });
    registrar.contribute({
      to: PHASES,
      name: 'media',
      needs: [FILES],
      create: (files) => mediaPhase({ files, mostBytes: () => configuration.get(httpConfig).bodyLimitBytes }),
    });
  },
});
