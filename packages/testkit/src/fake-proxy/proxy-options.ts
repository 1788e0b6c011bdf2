import { z } from 'zod';

const port = z.int().min(0).max(65_535);

export const proxyOptionsSchema = z.strictObject({
  /** How fake upstreams call it in their books. */
  name: z.string().min(1).default('fake-proxy'),
  host: z.string().default('127.0.0.1'),
  /** 0 takes any free port. */
  port: port.default(0),
  adminPort: port.default(0),
  /** Who may use it; an empty list lets everybody in. */
  users: z.array(z.strictObject({ username: z.string().min(1), password: z.string() })).default([]),
  /** Administrations of fake upstreams that shall know which connections came through this proxy. */
  announceTo: z.array(z.url()).default([]),
});

export type ProxyOptions = z.output<typeof proxyOptionsSchema>;
export type FakeProxyOptions = z.input<typeof proxyOptionsSchema>;
