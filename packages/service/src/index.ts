export { BoundedStack } from './bounded-stack.ts';
export { EXIT_CODES } from './exit-codes.ts';
export { startOpsListener, type OpsListener, type OpsListenerOptions, type VersionInfo } from './ops-listener.ts';
export { readProcessConfig, type ProcessConfig, type ProcessConfigReader } from './process-config.ts';
export { Readiness, type Check, type CheckResult, type ReadinessReport } from './readiness.ts';
export { readVersion } from './read-version.ts';
export { pause, repeat } from './repeat.ts';
export { runService, type RunServiceOptions, type Service } from './run-service.ts';
export { startProcess, type ProcessOverrides, type ServiceProcess } from './start-process.ts';
