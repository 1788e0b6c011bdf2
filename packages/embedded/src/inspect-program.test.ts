import { describe, expect, it } from 'vitest';
import { missingLibrary, unresolvedLibraries } from './inspect-program.ts';
import { aptPackagesOf } from './shared-libraries.ts';

const COMPLAINT =
  'mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file: No such file or directory';
const LISTING = `	linux-vdso.so.1 (0x00007ffd3d9f2000)
	libcurl.so.4 => not found
	libssl.so.3 => not found
	libcrypto.so.3 => not found
	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f35ba120000)
`;

describe('a program that lacks libraries', () => {
  it('is told by the loader and by ldd', () => {
    expect(missingLibrary(COMPLAINT)).toBe('libcurl.so.4');
    expect(missingLibrary('mongod: bad option')).toBeUndefined();
    expect(unresolvedLibraries(LISTING)).toEqual(['libcurl.so.4', 'libssl.so.3', 'libcrypto.so.3']);
  });

  it('needs each package once, and none is guessed', () => {
    expect(aptPackagesOf(unresolvedLibraries(LISTING))).toEqual(['libcurl4', 'libssl3']);
    expect(aptPackagesOf(['libcurl.so.4', 'libunheard.so.1'])).toBeUndefined();
  });
});
