export type { BookEntry } from './fake-upstream/book-entry.ts';
export { createFakeAdmin, type FakeAdmin } from './fake-upstream/fake-admin.ts';
export { startFakeUpstream, type FakeUpstream } from './fake-upstream/fake-upstream.ts';
export type { FaultInput, PlainFault } from './fake-upstream/fault.ts';
export { ERROR_NAMES, type ErrorName } from './fake-upstream/named-errors.ts';
export type { FakeUpstreamOptions } from './fake-upstream/upstream-options.ts';
export { createFakeProxyAdmin, type FakeProxyAdmin } from './fake-proxy/fake-proxy-admin.ts';
export { startFakeProxy, type FakeProxy } from './fake-proxy/fake-proxy.ts';
export type { FakeProxyOptions } from './fake-proxy/proxy-options.ts';
export { freshDatabaseName, freshStreamName, testMongoUrl, testNatsUrl } from './infra/test-servers.ts';
export { startOtlpSink, type OtlpSink } from './otlp-sink/otlp-sink.ts';
export type { SinkSpan } from './otlp-sink/otlp-traces.ts';
export { AMPLE_LIMITS } from './stack/ample-limits.ts';
export {
  jsonLines,
  OMG_COMPILE_CACHE,
  OMG_PROGRAM,
  runOmg,
  runOmgIn,
  type OmgOutcome,
  type OmgSurroundings,
} from './stack/run-omg.ts';
export { searchFiles } from './stack/search-files.ts';
export { startStack, type Stack } from './stack/start-stack.ts';
export type { StackClientKey, StackOptions, StackTenant } from './stack/stack-options.ts';
