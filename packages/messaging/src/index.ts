export { connectNats, type Nats, type NatsOptions } from './connect-nats.ts';
export { consumeUsage, type UsageConsumerOptions, type UsageMessage } from './usage-consumer.ts';
export { purgeUsage, type PurgeUsageOptions } from './purge-usage.ts';
export { publishUsage, type PublishUsageOptions } from './publish-usage.ts';
export {
  MAX_BATCH_COUNTS,
  consumeRefusals,
  ensureRefusalStream,
  publishRefusals,
  type RefusalMessage,
  type RefusalStreamOptions,
} from './refusal-stream.ts';
export { createUsagePublisher, type UsagePublisher, type UsagePublisherOptions } from './usage-publisher.ts';
export {
  USAGE_PARTITIONS,
  ensureUsageStream,
  lastUsageSeq,
  partitionOf,
  usageStreamState,
  type UsageStreamOptions,
  type UsageStreamState,
} from './usage-stream.ts';
