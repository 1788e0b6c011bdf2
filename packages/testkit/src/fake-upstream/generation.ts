import type { ChatRequest } from './chat-request.ts';
import { textPieces, wordPieces } from './content-pieces.ts';
import type { Piece } from './content-pieces.ts';
import type { Dialect } from './error-answer.ts';
import type { Scenario } from './scenario.ts';
import { NO_TOKENS, addTokens } from './tokens.ts';
import type { Tokens } from './tokens.ts';

export interface Iteration {
  readonly type: string;
  readonly model?: string | undefined;
  readonly tokens: Tokens;
}

/** What one generated answer consists of, the same for a stream and a plain answer. */
export interface Generation {
  readonly model: string;
  /** What the usage fields report at their top level. */
  readonly reported: Tokens;
  /** What the provider charges: the sum of the iterations where there are any. */
  readonly charged: Tokens;
  readonly iterations: readonly Iteration[];
  /** Whether max_tokens ended the answer. */
  readonly truncated: boolean;
  /** Output that no delta shows: OpenAI's reasoning, other iterations. Credited with the first delta. */
  readonly hidden: { readonly output: number; readonly reasoning: number };
  readonly thinking: () => Iterable<Piece>;
  readonly content: () => Iterable<Piece>;
}

export function generate(scenario: Scenario, request: ChatRequest, dialect: Dialect): Generation {
  const wanted = scenario.tokens.output;
  const output = Math.min(wanted, request.maxTokens);
  const reasoning = Math.min(scenario.tokens.reasoning, output);
  const perChoice: Tokens = { ...scenario.tokens, output, reasoning };
  const reported = dialect === 'openai' ? timesChoices(perChoice, request.choices) : perChoice;
  const iterations = iterationsWithin(scenario.iterations, output);
  const charged = iterations.length === 0 ? reported : sumOfIterations(iterations);
  const visible = output - reasoning;
  const thinkingTokens = dialect === 'anthropic' ? reasoning : 0;
  return {
    model: scenario.model ?? request.model,
    reported,
    charged,
    iterations,
    truncated: output < wanted,
    hidden: {
      output: charged.output - (visible + thinkingTokens) * (dialect === 'openai' ? request.choices : 1),
      reasoning: dialect === 'openai' ? reported.reasoning : 0,
    },
    thinking: () => wordPieces(thinkingTokens, Math.min(scenario.deltas ?? thinkingTokens, thinkingTokens)),
    content: () => contentPieces(scenario, visible),
  };
}

function contentPieces(scenario: Scenario, visible: number): Iterable<Piece> {
  if (visible === 0) return [];
  const deltas = Math.min(scenario.deltas ?? visible, visible);
  if (scenario.toolCall !== null) return textPieces(JSON.stringify(scenario.toolCall.arguments), visible, deltas);
  if (scenario.text !== null) return textPieces(scenario.text, visible, deltas);
  return wordPieces(visible, deltas);
}

function timesChoices(tokens: Tokens, choices: number): Tokens {
  return { ...tokens, output: tokens.output * choices, reasoning: tokens.reasoning * choices };
}

/** max_tokens bounds the iterations of type `message` together; the vendor charges the others beside it. */
function iterationsWithin(iterations: Scenario['iterations'], output: number): Iteration[] {
  let left = output;
  return iterations.map(({ type, model, tokens }) => {
    const complete = { ...tokens };
    if (type !== 'message') return { type, model, tokens: complete };
    complete.output = Math.min(complete.output, left);
    left -= complete.output;
    return { type, model, tokens: complete };
  });
}

export function sumOfIterations(iterations: readonly Iteration[]): Tokens {
  return iterations.reduce((sum, iteration) => addTokens(sum, iteration.tokens), NO_TOKENS);
}
