import type { keyAdminV1 } from '@omg/proto-gen';
import type { KeyFields } from '../app/admin/key-fields.ts';

export function fromKeyFields(fields: keyAdminV1.KeyFields | undefined): KeyFields {
  const { tokensPerMinute, allowedModels, ...others } = fields ?? {};
  return {
    ...others,
    tokensPerMinute: tokensPerMinute === undefined ? undefined : Number(tokensPerMinute),
    allowedModels: allowedModels?.models,
  };
}
