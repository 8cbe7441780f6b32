/** Golek's server in front of an OpenAI-compatible upstream beside Portkey's gateway and bare node:http: `npm run bench -- remote-gateway`. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { startServer } from '../bench-server.ts';
import { checkAnswers } from './check-answers.ts';
import { compareGateways, type GatewayLoad, type GatewayResult } from './compare.ts';
import { freePort, startGolekGateway, startPassThrough, startPortkey, type Contender } from './contenders.ts';
import { Inspector } from './inspector.ts';
import { readRemoteGatewayArgs, type RemoteGatewayOptions } from './options.ts';
import { gatewayReport } from './report.ts';
import { soak, soakReport, SLOW_MODEL } from './soak.ts';

/** A turn at one rate, seconds. */
const RATE_SECONDS = 5;

const loadsOf = ({ loads, chunks, requests, warmup, plainRate, streamRate }: RemoteGatewayOptions): GatewayLoad[] =>
  loads.map((name) => {
    const stream = name.startsWith('stream');
    const perSecond = name === 'plain-rate' ? plainRate : name === 'stream-rate' ? streamRate : undefined;
    const kind = stream ? `${chunks}-chunk stream` : 'plain';
    return {
      name: perSecond === undefined ? `${kind}, closed loop` : `${kind}, ${perSecond} a second`,
      model: `chunks-${chunks}`,
      stream,
      warmup: stream ? Math.ceil(warmup / 4) : warmup,
      requests: perSecond === undefined ? requests : perSecond * RATE_SECONDS,
      ...(perSecond !== undefined && { perSecond }),
    };
  });

export const remoteGatewayCommand = async (args: readonly string[]): Promise<void> => {
  const options = readRemoteGatewayArgs(args);
  const { chunks, rounds, other, nodeArgs, json } = options;
  const upstream = await startServer('remote-gateway/upstream-server');
  const collector = await startServer('collector-server');
  const shared = { upstream, collector, models: [`chunks-${chunks}`, SLOW_MODEL] };
  const inspectPort = await freePort();
  const inspecting = options.soak ? [`--inspect=127.0.0.1:${inspectPort}`] : [];
  const golek = await startGolekGateway({ ...shared, nodeArgs: [...nodeArgs, ...inspecting] });
  const started: Contender[] = [golek];
  try {
    console.log(`${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`);
    if (options.soak) {
      using inspector = await Inspector.open(inspectPort);
      const result = await soak({
        golek,
        upstream,
        inspector,
        model: `chunks-${chunks}`,
        requests: options.soakRequests,
        aborts: options.soakAborts,
      });
      console.log(soakReport(result));
      if (json !== undefined) writeFileSync(json, JSON.stringify(result, undefined, 2));
      return;
    }
    if (options.sides.includes('portkey')) started.push(await startPortkey(upstream));
    if (options.sides.includes('bare')) started.push(await startPassThrough(upstream));
    if (other !== undefined) started.push(await startGolekGateway({ ...shared, name: 'other golek', program: other }));
    for (const contender of started) await checkAnswers(contender, chunks);
    const results: GatewayResult[] = [];
    for (const load of loadsOf(options)) {
      const result = await compareGateways(started, load, rounds, [process.pid, upstream.pid, collector.pid]);
      console.log(gatewayReport(result));
      results.push(result);
    }
    if (json !== undefined) writeFileSync(json, JSON.stringify(results, undefined, 2));
  } finally {
    // SIGTERM first: a profile is written when Golek ends by itself.
    golek.process.kill('SIGTERM');
    for (const { process: server } of [upstream, collector, ...started.slice(1)]) server.kill('SIGKILL');
  }
};
