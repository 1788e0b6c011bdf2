import { bindService, restrictService, type BoundService, type HasGrant } from '@omg/grpc';
import type { auditV1 } from '@omg/proto-gen';
import { auditV1 as v1 } from '@omg/proto-gen';
import type { Reported, ReconcileQuestion } from '../app/audit/reconcile.ts';

export function auditService(
  reconcile: (question: ReconcileQuestion) => AsyncIterable<Reported>,
  hasGrant: HasGrant,
): BoundService {
  const service = bindService(v1.AuditService, {
    async *reconcile(question, { signal }) {
      for await (const reported of reconcile({ ...question, signal })) yield { message: toMessage(reported) };
    },
  });
  return restrictService(service, {
    may: (caller) => hasGrant(caller, 'admin'),
    refusal: (caller) => `${caller} may not look through the books: give it "admin" in SERVICE_GRANTS of usage-ledger`,
  });
}

function toMessage(reported: Reported): auditV1.ReconcileResponse['message'] {
  const { check } = reported;
  if ('progress' in reported) return { $case: 'progress', value: { check, checked: BigInt(reported.progress) } };
  if ('note' in reported) return { $case: 'note', value: { check, text: reported.note } };
  if ('elsewhere' in reported) {
    const { address, partitions } = reported.elsewhere;
    return { $case: 'elsewhere', value: { check, address, partitions: [...partitions] } };
  }
  if ('difference' in reported) return { $case: 'difference', value: { check, ...reported.difference } };
  const { checked, differences, unknowable, tookMs } = reported.result;
  return {
    $case: 'result',
    value: {
      check,
      checked: BigInt(checked),
      differences: BigInt(differences),
      unknowable: BigInt(unknowable),
      tookMs: BigInt(tookMs),
    },
  };
}
