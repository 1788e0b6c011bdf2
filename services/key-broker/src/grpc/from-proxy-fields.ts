import type { keyAdminV1 } from '@omg/proto-gen';
import type { ProxyFields } from '../app/admin/proxy-fields.ts';
import { fromProxyType } from './proxy-type.ts';

export function fromProxyFields(fields: keyAdminV1.ProxyFields | undefined): ProxyFields {
  const { type, ...others } = fields ?? {};
  return { ...others, type: fromProxyType(type) };
}
