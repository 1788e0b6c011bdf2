export { BEHAVIOURS, DIMENSIONS } from './dimensions.ts';
export type { Amounts, Dimension } from './dimensions.ts';
export type {
  Changed,
  Choice,
  Committed,
  Deny,
  Grant,
  GrantScope,
  Hello,
  HolderMessage,
  OwnerMessage,
  Recall,
  Return,
  ScopeState,
  State,
  Take,
  TakeScope,
  Use,
  Welcome,
} from './messages.ts';
export { createOwner } from './owner/owner-state.ts';
export type { OwnerOptions, OwnerOutput, QuotaOwner } from './owner/owner-state.ts';
export {
  ownerAdvance,
  ownerCharge,
  ownerConnect,
  ownerDisconnect,
  ownerFree,
  ownerNextDeadline,
  ownerOutstanding,
  ownerRecall,
  ownerReceive,
  ownerSetScope,
  ownerStreamTime,
} from './owner/owner.ts';
export type { Charge } from './owner/charge.ts';
export type { ScopeSettings } from './owner/owner.ts';
export { createHolder } from './holder/holder-state.ts';
export type { Admission, Denial, HolderEvent, HolderOptions, QuotaHolder, ScopeNeed } from './holder/holder-state.ts';
export { admit, cancel, settle } from './holder/admit.ts';
export type { Outcome } from './holder/admit.ts';
export { askRef, flush } from './holder/flush.ts';
export {
  holderAdvance,
  holderConnect,
  holderDisconnect,
  holderLeft,
  holderNextDeadline,
  holderReceive,
  holderUnspent,
} from './holder/holder.ts';
