import { describe, expect, it } from 'vitest';
import { cacheDir } from './cache.ts';

describe('cacheDir', () => {
  it('is what OMG_CACHE_DIR says, else where the user keeps caches', () => {
    expect(cacheDir({ OMG_CACHE_DIR: '/own', XDG_CACHE_HOME: '/caches', HOME: '/home/me' })).toBe('/own');
    expect(cacheDir({ OMG_CACHE_DIR: '', XDG_CACHE_HOME: '/caches', HOME: '/home/me' })).toBe('/caches/omg');
    expect(cacheDir({ HOME: '/home/me' })).toBe('/home/me/.cache/omg');
  });
});
