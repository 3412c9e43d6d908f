/** GPT-2's alphabet: a printable character for every byte, so that any bytes can be spelt in a vocabulary. */
const alphabet: readonly string[] = (() => {
  const printable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

/** A text as byte-level BPE spells it. */
export function byteText(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => alphabet[byte]!).join("");
}
