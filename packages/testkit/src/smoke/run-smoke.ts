import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from '@omg/config';
import { routerPart, type Part } from '../stack/parts.ts';
import { keysOf } from '../stack/upstream-keys.ts';
import { startStack } from '../stack/start-stack.ts';
import { createGatewayClient, DIALECTS, type Answer, type Booked, type GatewayClient } from './gateway-client.ts';
import type { SmokeOptions } from './smoke-options.ts';

export interface Smoked {
  readonly answer: Answer;
  /** Undefined: it is not in the books. */
  readonly booked: Booked | undefined;
}

/** Says why nothing was asked. */
export class NothingAsked extends Error {
  override readonly name = 'NothingAsked';
}

/** Asks a gateway that runs, or one that is started for this; throws NothingAsked where there are no keys for it. */
export async function runSmoke(options: SmokeOptions, environment: Environment): Promise<readonly Smoked[]> {
  const { url, timeoutMs, site } = options;
  if (url !== undefined) {
    const key = options.key ?? environment['OMG_KEY'] ?? '';
    if (key === '') throw new NothingAsked(`OMG_KEY is not set: there is no client key for ${url}.`);
    return await smoke(createGatewayClient(url, key, timeoutMs), options);
  }
  const name = `${site.toUpperCase()}_API_KEYS`;
  const upstreamKeys = keysOf(environment, name);
  if (upstreamKeys.length === 0)
    throw new NothingAsked(`${name} is not set: there are no keys of the real upstream behind ${site}.`);
  const parts: readonly Part[] = ['mongo', 'nats', 'key-broker', 'usage-ledger', routerPart(site)];
  await using stack = await startStack({
    parts,
    upstreamKeys: { [site]: upstreamKeys },
    logLevel: 'warn',
    baseEnv: { ...environment, [name]: undefined },
  });
  const { openhandsUrls, ohmygptUrls } = stack.addresses;
  const [own = ''] = site === 'openhands' ? openhandsUrls : ohmygptUrls;
  return await smoke(createGatewayClient(own, stack.secrets.clientKey, timeoutMs), options);
}

const BOOKED_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 250;

async function smoke(client: GatewayClient, { models, site }: SmokeOptions): Promise<readonly Smoked[]> {
  const served = await client.models();
  const unknown = models.filter((model) => !served.includes(model));
  if (unknown.length > 0)
    throw new Error(`${site} does not serve ${unknown.join(', ')}; it serves ${served.join(', ')}.`);
  const answers: Answer[] = [];
  // one after the other: nothing else is to show in their times
  for (const model of models.length > 0 ? models : served)
    for (const dialect of DIALECTS)
      for (const stream of [false, true]) answers.push(await client.ask({ model, dialect, stream }));
  const booked = await inTheBooks(client, answers);
  return answers.map((answer) => ({ answer, booked: booked.get(answer.requestId) }));
}

async function inTheBooks(client: GatewayClient, answers: readonly Answer[]): Promise<ReadonlyMap<string, Booked>> {
  const untilMs = performance.now() + BOOKED_WITHIN_MS;
  for (;;) {
    const booked = await client.booked();
    const missing = answers.some(({ status, requestId }) => status === 200 && !booked.has(requestId));
    if (!missing || performance.now() > untilMs) return booked;
    await delay(LOOK_EVERY_MS);
  }
}
