import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What is generated of a message. */
export interface Encodes<T> {
  encode: (message: T, writer?: BinaryWriter) => BinaryWriter;
}

let writer = new BinaryWriter();

/** A message's bytes. A writer for each would make its buffer anew and have it grow, which takes half of the time. */
export function encodeMessage<T>(type: Encodes<T>, message: T): Uint8Array {
  try {
    return type.encode(message, writer).finish();
  } catch (error) {
    // a part of the message may be in it
    writer = new BinaryWriter();
    throw error;
  }
}
