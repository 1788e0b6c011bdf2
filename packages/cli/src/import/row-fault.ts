/** Why a row of a file is refused; the message never quotes the row, which may hold a secret anywhere. */
export class RowFault extends Error {
  override readonly name = 'RowFault';
}
