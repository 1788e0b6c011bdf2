export { cacheDir } from './cache.ts';
export { findOrStartMongo, findOrStartNats, type Server } from './find-or-start.ts';
export { connectToMongo, connectToNats } from './running-server.ts';
export { guardOrphan } from './guard-orphan.ts';
export type { LocateOptions } from './locate-options.ts';
export { locateMongod, locateNats } from './locate-program.ts';
export { mongoCommand, type MongoCommandOptions } from './mongo-command.ts';
export { natsCommand, type NatsCommandOptions } from './nats-command.ts';
export { describeProgram, type Program } from './program.ts';
export type { ServerCommand } from './server-command.ts';
export {
  startMongo,
  startNats,
  type LocalServer,
  type StartMongoOptions,
  type StartNatsOptions,
} from './start-servers.ts';
export { isFreePort, isListening, pickFreePort } from './tcp.ts';
