import { totalmem } from 'node:os';
import { GolekError, KEEP_ALIVE_FORMS, keepAliveMs } from '@golek/api';
import type { LifeSettings } from '@golek/kernel';
import type { ConfigOf } from '@golek/system';
import type { modelsConfig } from '../config/models-config.ts';

/** A keep-alive time in milliseconds. Throws `invalid_request` for what is none. */
export const parseKeepAlive = (value: string | number): number => {
  const ms = keepAliveMs(value);
  if (ms !== undefined) return ms;
  throw new GolekError('invalid_request', `'${value}' is no keep-alive time: give ${KEEP_ALIVE_FORMS}`);
};

/** Memory that this process and its engines can have at all: what the control group allows, else what the machine has. */
export const memoryOfMachine = (total = totalmem(), limit = process.constrainedMemory()): number =>
  limit > 0 && limit < total ? limit : total;

/** How long models stay and how many, as configured. */
export const lifeSettings = (config: ConfigOf<typeof modelsConfig>): LifeSettings => {
  const { keepAlive, maxLoaded = Infinity, memoryLimitBytes = memoryOfMachine(), roomWaitMs, list } = config;
  const byDefault = { keepAliveMs: parseKeepAlive(keepAlive), pinned: false };
  const own = new Map(
    list.map(({ name, keepAlive: ownTime = keepAlive, pinned }) => [
      name,
      { keepAliveMs: parseKeepAlive(ownTime), pinned },
    ]),
  );
  return { maxLoaded, memoryBytes: memoryLimitBytes, roomWaitMs, lifeOf: (model) => own.get(model) ?? byDefault };
};
