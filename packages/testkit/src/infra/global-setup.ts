import type { TestProject } from 'vitest/node';
import { startTestInfra } from './start-test-infra.ts';

const START_TIMEOUT_MS = 900_000;

/** vitest's globalSetup of every project whose tests need MongoDB and NATS. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const infra = await startTestInfra({
    env: process.env,
    signal: AbortSignal.timeout(START_TIMEOUT_MS),
    onProgress: say,
  });
  for (const description of infra.descriptions) say(description);
  project.provide('mongodbUrl', infra.mongodbUrl);
  project.provide('natsUrl', infra.natsUrl);
  return async () => await infra[Symbol.asyncDispose]();
}

function say(line: string): void {
  process.stdout.write(`test infra: ${line}\n`);
}
