import { configDefaults, defineConfig } from 'vitest/config';

if (Number.parseInt(process.versions.node, 10) < 26) {
  process.stderr.write(`The tests need Node 26, and this is ${process.version}: run scripts/test, or npx vitest.\n`);
  process.exit(1);
}

const exclude = [...configDefaults.exclude, '**/data/**'];
const globalSetup = ['packages/testkit/src/infra/global-setup.ts'];
const setupFiles = ['packages/testkit/src/patient-wait.ts'];

export default defineConfig({
  test: {
    teardownTimeout: 30_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{packages,services}/*/src/**/*.test.ts'],
          exclude,
          setupFiles,
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{packages,services}/*/tests/**/*.int.test.ts'],
          exclude,
          globalSetup,
          setupFiles,
          testTimeout: 20_000,
          hookTimeout: 30_000,
          // they wait for servers more than they compute
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['{packages,services}/*/tests/**/*.e2e.test.ts'],
          exclude,
          globalSetup,
          setupFiles,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // each file starts whole stacks, and has deadlines of seconds that a crowded machine does not meet
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'crowds',
          include: ['{packages,services}/*/tests/**/*.crowd.test.ts'],
          exclude,
          globalSetup,
          setupFiles,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // thousands of streams at once, or deadlines of hundreds: nothing else may want the machine meanwhile
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
