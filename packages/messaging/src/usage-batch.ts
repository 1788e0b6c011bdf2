/** The tag of `UsageBatch.events`: field 1, length-delimited. */
const EVENTS_TAG = 0x0a;

/** A UsageBatch of events that are encoded already; decoding and encoding them again would cost more than all else here. */
export function encodeBatch(events: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(events.flatMap((event) => [header(event.length), event]));
}

function header(length: number): Uint8Array {
  const bytes = [EVENTS_TAG];
  let rest = length;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
