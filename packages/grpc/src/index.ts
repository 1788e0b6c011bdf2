export { readAdvertise } from './advertise.ts';
export {
  createGrpcClient,
  type DuplexCall,
  type GrpcClient,
  type GrpcClientOptions,
  type UnaryOptions,
} from './client.ts';
export { startGrpcServer, type GrpcServer, type GrpcServerOptions } from './server.ts';
export { readServiceGrants, restrictService, type HasGrant } from './service-grants.ts';
export { readServiceTokens, type Authenticate } from './service-tokens.ts';
export { bindService, type BoundService, type CallContext, type Handlers } from './service.ts';
export { readGrpcTls, type GrpcTls } from './tls.ts';
