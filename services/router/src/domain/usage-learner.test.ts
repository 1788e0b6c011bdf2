import { expect, test } from 'vitest';
import { UsageLearner } from './usage-learner.ts';

test('what is usual comes to what requests come to', () => {
  const learner = new UsageLearner();
  for (let index = 0; index < 500; index += 1)
    learner.learn({ bodyBytes: 1_000, input: 100, output: index % 10 === 0 ? 5_000 : 200 });
  expect(learner.usual.inputPerByte).toBeCloseTo(0.1, 3);
  expect(learner.usual.outputP50).toBe(200);
  expect(learner.usual.outputP90).toBe(5_000);
});

test('one odd request among many changes little', () => {
  const learner = new UsageLearner();
  for (let index = 0; index < 200; index += 1) learner.learn({ bodyBytes: 1_000, input: 100, output: 100 });
  const before = learner.usual;
  learner.learn({ bodyBytes: 1_000, input: 1_000, output: 100_000 });
  expect(learner.usual.inputPerByte - before.inputPerByte).toBeLessThan(0.02);
  expect(learner.usual.outputP90).toBe(before.outputP90);
});

test('an empty body teaches without a division by nothing', () => {
  const learner = new UsageLearner();
  learner.learn({ bodyBytes: 0, input: 0, output: 0 });
  expect(Number.isFinite(learner.usual.inputPerByte)).toBe(true);
});
