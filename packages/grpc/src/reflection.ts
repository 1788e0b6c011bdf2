import { createFileRegistry, fromBinary, toBinary, type DescFile, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { reflectionV1 } from '@omg/proto-gen';
import { bindService, type BoundService } from './service.ts';

type Request = reflectionV1.ServerReflectionRequest['messageRequest'];
type Response = reflectionV1.ServerReflectionResponse['messageResponse'];

/**
 * Tells clients such as `buf curl` what this server understands. @grpc/reflection would do, but it takes the descriptors
 * through protobufjs, which drops what it does not know: `optional` fields and maps then make a schema nobody can read.
 */
export function reflectionService(descriptorSet: Uint8Array): BoundService {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  return bindService(reflectionV1.ServerReflectionService, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(registry, request.messageRequest),
        };
      }
    },
  });
}

function answer(registry: FileRegistry, request: Request): Response {
  switch (request?.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: serviceNames(registry) } };
    case 'fileByFilename':
      return fileResponse(registry.getFile(request.value));
    case 'fileContainingSymbol':
      return fileResponse(findSymbol(registry, request.value));
    default:
      return {
        $case: 'errorResponse',
        value: { errorCode: status.UNIMPLEMENTED, errorMessage: 'there are no extensions here' },
      };
  }
}

function serviceNames(registry: FileRegistry): { name: string }[] {
  return [...registry.files].flatMap((file) => file.services.map(({ typeName }) => ({ name: typeName })));
}

/** The file of a service, message, enum or method. */
function findSymbol(registry: FileRegistry, symbol: string): DescFile | undefined {
  const found = registry.get(symbol) ?? registry.get(symbol.replace(/\.[^.]+$/, ''));
  return found?.file;
}

/** The file and whatever it imports, each once. */
function fileResponse(file: DescFile | undefined): Response {
  if (file === undefined)
    return {
      $case: 'errorResponse',
      value: { errorCode: status.NOT_FOUND, errorMessage: 'there is no such symbol or file' },
    };
  const files = new Set<DescFile>();
  const visit = (next: DescFile): void => {
    if (files.has(next)) return;
    files.add(next);
    next.dependencies.forEach(visit);
  };
  visit(file);
  const fileDescriptorProto = [...files].map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto)));
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}
