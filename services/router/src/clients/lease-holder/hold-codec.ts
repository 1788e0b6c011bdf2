import type { AffinityDelta } from '@omg/affinity';
import { keyBrokerV1 } from '@omg/proto-gen';
import type { ProxyAddress } from '@omg/proxy-connect';
import type { LeaseCause } from '../../app/lease-broker.ts';
import type { DirectoryUpdate, KeyAccess, KeyEntry, ProxyEntry, Route } from './key-directory.ts';
import type { LeaseOutcome } from './outcome-buffer.ts';

const PROXY_TYPES: Readonly<Record<keyBrokerV1.ProxyType, ProxyAddress['type'] | undefined>> = {
  [keyBrokerV1.ProxyType.HTTP]: 'http',
  [keyBrokerV1.ProxyType.HTTPS]: 'https',
  [keyBrokerV1.ProxyType.SOCKS5]: 'socks5',
  [keyBrokerV1.ProxyType.UNSPECIFIED]: undefined,
  [keyBrokerV1.ProxyType.UNRECOGNIZED]: undefined,
};

const CAUSES: Readonly<Record<LeaseCause, keyBrokerV1.OutcomeCause>> = {
  success: keyBrokerV1.OutcomeCause.SUCCESS,
  rate_limited: keyBrokerV1.OutcomeCause.RATE_LIMITED,
  ban: keyBrokerV1.OutcomeCause.BAN,
  quota: keyBrokerV1.OutcomeCause.QUOTA,
  auth: keyBrokerV1.OutcomeCause.AUTH,
  model_denied: keyBrokerV1.OutcomeCause.MODEL_DENIED,
  unattributed_403: keyBrokerV1.OutcomeCause.UNATTRIBUTED_403,
  upstream_error: keyBrokerV1.OutcomeCause.UPSTREAM_ERROR,
  connection: keyBrokerV1.OutcomeCause.CONNECTION,
  timeout: keyBrokerV1.OutcomeCause.TIMEOUT,
  proxy_error: keyBrokerV1.OutcomeCause.PROXY_ERROR,
  request_fault: keyBrokerV1.OutcomeCause.REQUEST_FAULT,
  cancelled: keyBrokerV1.OutcomeCause.CANCELLED,
};

/** The quota of a lease that is a probe. */
export interface ProbeLease {
  readonly ref: number;
  readonly keyId: string;
  readonly generation: bigint;
  readonly probeId: bigint | undefined;
  readonly access: KeyAccess | undefined;
}

export function toDirectoryUpdate(response: keyBrokerV1.HoldResponse): DirectoryUpdate {
  const { keys, goneKeys, proxies, goneProxies, snapshot } = response;
  return { keys: keys.map(toKeyEntry), goneKeys, proxies: proxies.flatMap(toProxyEntry), goneProxies, snapshot };
}

export function toAffinityDelta({ from, version, buckets, moves }: keyBrokerV1.AffinityUpdate): AffinityDelta {
  return {
    from: from === undefined ? undefined : Number(from),
    version: Number(version),
    buckets,
    moves: moves.map((move) => ({ keyId: move.keyId === '' ? undefined : move.keyId, buckets: move.buckets })),
  };
}

export function toProbeLease({ ref, keyId, generation, probeId, access }: keyBrokerV1.ProbeGrant): ProbeLease {
  return { ref: Number(ref), keyId, generation, probeId, access: toKeyAccess(access) };
}

const MESSAGE_LENGTH = 500;
const WORDS = 8;
const WORD_LENGTH = 100;

export function fromOutcome(outcome: LeaseOutcome): keyBrokerV1.HolderOutcome {
  const { keyId, generation, endpointName, proxyId, probe, verdict } = outcome;
  const { cause, retryAfterMs, model = '', message = '', status = 0, errorWords = [] } = verdict;
  return {
    keyId,
    generation,
    endpoint: endpointName,
    proxyId: proxyId ?? '',
    cause: CAUSES[cause],
    probeId: probe?.probeId,
    retryAfterMs: retryAfterMs === undefined ? undefined : Math.max(0, Math.min(0xffff_ffff, Math.ceil(retryAfterMs))),
    model,
    message: message.slice(0, MESSAGE_LENGTH),
    status,
    errorWords: errorWords.slice(0, WORDS).map((word) => word.slice(0, WORD_LENGTH)),
  };
}

function toKeyEntry(info: keyBrokerV1.KeyInfo): KeyEntry {
  const { keyId, generation, usable, allowedModels, deniedModels, limitsRequests, limitsTokens } = info;
  return {
    keyId,
    generation,
    usable,
    allowedModels: new Set(allowedModels),
    deniedModels: new Set(deniedModels),
    limitsRequests,
    limitsTokens,
    access: toKeyAccess(info.access),
  };
}

function toKeyAccess(access: keyBrokerV1.KeyAccess | undefined): KeyAccess | undefined {
  const route = toRoute(access?.route);
  if (access?.endpoint === undefined || route === undefined) return undefined;
  const { name, baseUrl, chatCompletionsPath, messagesPath, http2 } = access.endpoint;
  const base = baseUrl.replace(/\/$/, '');
  return {
    secret: access.secret,
    endpointName: name,
    urls: { openai: base + chatCompletionsPath, anthropic: base + messagesPath },
    http2,
    route,
  };
}

function toRoute(route: keyBrokerV1.KeyAccess['route']): Route | undefined {
  switch (route?.$case) {
    case 'direct':
      return { via: 'direct' };
    case 'proxyId':
      return { via: 'proxy', proxyId: route.value };
    case 'anyProxy':
      return { via: 'any' };
    case undefined:
      return undefined;
  }
}

/** None where this side does not know how to use it. */
function toProxyEntry({ proxy, usable }: keyBrokerV1.ProxyInfo): ProxyEntry[] {
  const type = proxy === undefined ? undefined : PROXY_TYPES[proxy.type];
  if (proxy === undefined || type === undefined) return [];
  const { proxyId: id, host, port, username, password } = proxy;
  const credentials = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  return [{ address: { id, type, host, port, ...credentials }, usable }];
}
