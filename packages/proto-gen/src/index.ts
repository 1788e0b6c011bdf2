export * as eventsV1 from './gen/events/v1/usage.ts';
export * as healthV1 from './gen/grpc/health/v1/health.ts';
export * as reflectionV1 from './gen/grpc/reflection/v1/reflection.ts';
export * as keyBrokerV1 from './gen/key_broker/v1/key_broker.ts';
export * as quotaV1 from './gen/quota/v1/quota.ts';
export * as accountsV1 from './gen/usage_ledger/v1/accounts.ts';
export * as usageV1 from './gen/usage_ledger/v1/usage.ts';
export { descriptorsPath } from './descriptors.ts';
