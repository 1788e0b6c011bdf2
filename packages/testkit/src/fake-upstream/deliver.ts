import type { Answer, Part } from './answer.ts';
import { Chunker, NO_CREDIT } from './chunker.ts';
import type { Credit, Write } from './chunker.ts';
import { createEncoder } from './encoder.ts';
import type { Encoder } from './encoder.ts';
import type { ErrorContext } from './error-answer.ts';
import type { Exchange } from './exchange.ts';
import type { Scenario } from './scenario.ts';
import { faultyBody, withFault, writeLimitOf } from './with-fault.ts';
import type { Break, WriteLimit } from './with-fault.ts';

/** Sends an answer as the scenario says: its pace, its writes, its coding, its faults. */
export async function deliver(
  exchange: Exchange,
  answer: Answer,
  scenario: Scenario,
  context: ErrorContext,
): Promise<void> {
  using encoder = scenario.encoding === 'identity' ? null : createEncoder(scenario.encoding);
  const plain = answer.streamed ? null : await wholeBody(answer, scenario, context, encoder);
  if (!(await exchange.sleep(scenario.headerDelayMs))) return;
  const framing = scenario.framing ?? (plain === null ? 'chunked' : 'length');
  const headers = [...answer.headers];
  if (encoder !== null) headers.push(['content-encoding', scenario.encoding]);
  if (plain !== null && framing === 'length') headers.push(['content-length', String(plain.bytes.length)]);
  const { status, prompt } = answer;
  exchange.begin(
    { status, headers, requestId: context.requestId, prompt, framing },
    answer.streamed || scenario.firstByteDelayMs > 0,
  );

  const limit = writeLimitOf(scenario.fault, plain?.bytes.length ?? null);
  const delivery = new Delivery(exchange, scenario, plain === null ? encoder : null, limit, context);
  const parts = plain === null ? withFault(answer.parts, scenario.fault, context) : [plain];
  await delivery.run(parts);
}

/** A plain answer is encoded as a whole, so that its length is known. */
async function wholeBody(
  answer: Answer,
  scenario: Scenario,
  context: ErrorContext,
  encoder: Encoder | null,
): Promise<Part> {
  const [first] = answer.parts;
  if (first === undefined) throw new Error('A plain answer has one part.');
  const part = faultyBody(first, scenario.fault, context);
  if (encoder === null) return part;
  return { ...part, bytes: Buffer.concat([await encoder.encode(part.bytes), await encoder.end()]) };
}

class Delivery {
  readonly #exchange: Exchange;
  readonly #scenario: Scenario;
  readonly #encoder: Encoder | null;
  readonly #limit: WriteLimit | null;
  readonly #chunker: Chunker;
  readonly #keepAlive: Buffer;
  #limitReached = false;
  #lastPart: Part | null = null;

  constructor(
    exchange: Exchange,
    scenario: Scenario,
    encoder: Encoder | null,
    limit: WriteLimit | null,
    context: ErrorContext,
  ) {
    this.#exchange = exchange;
    this.#scenario = scenario;
    this.#encoder = encoder;
    this.#limit = limit;
    this.#chunker = new Chunker(scenario.chunks);
    const ping = (scenario.keepAlive ?? (context.dialect === 'anthropic' ? 'ping' : 'comment')) === 'ping';
    this.#keepAlive = Buffer.from(ping ? 'event: ping\ndata: {"type":"ping"}\n\n' : ': keep-alive\n\n');
  }

  async run(parts: Iterable<Part | Break>): Promise<void> {
    let begun = false;
    let content = false;
    for (const part of parts) {
      if (part.kind === 'break') {
        if (!(await this.#flush()) || !(await this.#breakOff(part))) return;
        continue;
      }
      const delayMs = this.#delayBefore(part, begun, content);
      if (delayMs > 0 && !((await this.#flush()) && (await this.#wait(delayMs)))) return;
      begun = true;
      content ||= part.kind === 'content';
      if (!(await this.#send(part.bytes, creditOf(part)))) return;
      this.#lastPart = part;
    }
    if (this.#encoder !== null) {
      const trailer = await this.#encoder.end();
      if (!(await this.#writeAll(this.#chunker.push(trailer, NO_CREDIT)))) return;
    }
    if (!(await this.#flush())) return;
    if (this.#limit !== null && !this.#limitReached && !(await this.#breakOff(this.#limit.breakOff))) return;
    const { fault } = this.#scenario;
    const spoilt = fault !== null && (fault.kind === 'no-terminal' || fault.kind === 'error-event');
    await this.#exchange.end(!spoilt);
  }

  /** Pauses make no sense where everything goes out in one write. */
  #delayBefore(part: Part, begun: boolean, content: boolean): number {
    const { chunks, firstByteDelayMs, firstTokenDelayMs, paceMs } = this.#scenario;
    const first = begun ? 0 : firstByteDelayMs;
    if (chunks === 'one' || part.kind === 'whole') return first;
    if (part.delayMs !== null) return first + part.delayMs;
    if (part.kind !== 'content') return first;
    return first + (content ? paceMs : firstTokenDelayMs);
  }

  /** Waits, with keep-alives in between where they are wanted and an event has just ended. */
  async #wait(delayMs: number): Promise<boolean> {
    const { keepAliveMs } = this.#scenario;
    let leftMs = delayMs;
    while (leftMs > 0) {
      const stepMs = keepAliveMs > 0 ? Math.min(leftMs, keepAliveMs) : leftMs;
      const started = performance.now();
      // setTimeout's longest delay; a stall without end waits in steps of it.
      if (!(await this.#exchange.sleep(Math.min(stepMs, 2 ** 31 - 1)))) return false;
      leftMs -= performance.now() - started;
      if (keepAliveMs > 0 && leftMs > 0 && this.#betweenEvents()) {
        if (!(await this.#send(this.#keepAlive, NO_CREDIT)) || !(await this.#flush())) return false;
      }
    }
    return true;
  }

  #betweenEvents(): boolean {
    if (this.#lastPart === null) return true;
    if (this.#lastPart.kind === 'whole') return false;
    const tail = this.#lastPart.bytes.subarray(-4).toString('latin1');
    return tail.endsWith('\n\n') || tail.endsWith('\r\n\r\n');
  }

  async #send(bytes: Buffer, credit: Credit): Promise<boolean> {
    const coded = this.#encoder === null ? bytes : await this.#encoder.encode(bytes);
    return await this.#writeAll(this.#chunker.push(coded, credit));
  }

  async #flush(): Promise<boolean> {
    const rest = this.#chunker.flush();
    return rest === null ? !this.#exchange.over : await this.#writeAll([rest]);
  }

  async #writeAll(writes: readonly Write[]): Promise<boolean> {
    for (const write of writes) if (!(await this.#writeOne(write))) return false;
    return true;
  }

  async #writeOne(write: Write): Promise<boolean> {
    const limit = this.#limit;
    if (limit === null || this.#limitReached) return await this.#exchange.write(write);
    const { entry } = this.#exchange;
    const leftBytes = limit.bytes - entry.bytesSent;
    if (entry.chunksSent < limit.chunks && write.bytes.length <= leftBytes) return await this.#exchange.write(write);
    this.#limitReached = true;
    if (entry.chunksSent < limit.chunks && leftBytes > 0) {
      const head = { bytes: write.bytes.subarray(0, leftBytes), credit: NO_CREDIT };
      if (!(await this.#exchange.write(head)) || !(await this.#breakOff(limit.breakOff))) return false;
      return await this.#exchange.write({ ...write, bytes: write.bytes.subarray(leftBytes) });
    }
    return (await this.#breakOff(limit.breakOff)) && (await this.#exchange.write(write));
  }

  /** True when the answer goes on afterwards. */
  async #breakOff(point: Break): Promise<boolean> {
    if (point.how === 'stall') return await this.#wait(point.forMs ?? Number.POSITIVE_INFINITY);
    if (point.how === 'end') await this.#exchange.end(false);
    else this.#exchange.breakOff(point.how);
    return false;
  }
}

function creditOf(part: Part): Credit {
  return { output: part.output, reasoning: part.reasoning, usages: part.usage === null ? [] : [part.usage] };
}
