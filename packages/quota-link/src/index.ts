export { afterArrivals } from './after-arrivals.ts';
export {
  HolderLink,
  type AdmitOptions,
  type HolderConnection,
  type HolderLinkOptions,
  type HolderStream,
} from './holder-link.ts';
export { fromHolderMessage, toHolderMessage } from './holder-message-codec.ts';
export { exchangeFrames, OutgoingFrames } from './outgoing-frames.ts';
export { fromOwnerMessage, toOwnerMessage } from './owner-message-codec.ts';
export { createSleepAwareClock, type ClockSources } from './sleep-aware-clock.ts';
