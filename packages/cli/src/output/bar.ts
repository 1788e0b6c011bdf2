const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar as long, of `width`, as the value is of the most. */
export function renderBar(value: number, { most, width }: { readonly most: number; readonly width: number }): string {
  if (most <= 0 || value <= 0) return '';
  // what is there at all can be seen
  const eighths = Math.max(1, Math.round((Math.min(value, most) / most) * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}
