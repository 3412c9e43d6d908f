/** Tensor types of GGUF (ggml.h's ggml_type): elements of a block, and bytes of a block. */
export interface GgufType {
  readonly name: GgufTypeName;
  readonly code: number;
  readonly elements: number;
  readonly bytes: number;
}

const table = [
  ["F32", 0, 1, 4],
  ["F16", 1, 1, 2],
  ["Q4_0", 2, 32, 18],
  ["Q4_1", 3, 32, 20],
  ["Q5_0", 6, 32, 22],
  ["Q5_1", 7, 32, 24],
  ["Q8_0", 8, 32, 34],
  ["Q4_K", 12, 256, 144],
  ["Q5_K", 13, 256, 176],
  ["Q6_K", 14, 256, 210],
  ["BF16", 30, 1, 2],
] as const;
export type GgufTypeName = (typeof table)[number][0];

export const ggufTypes: readonly GgufType[] = table.map(([name, code, elements, bytes]) => ({
  name,
  code,
  elements,
  bytes,
}));

export function typeOfCode(code: number): GgufType | undefined {
  return ggufTypes.find((type) => type.code === code);
}

export function typeNamed(name: GgufTypeName): GgufType {
  return ggufTypes.find((type) => type.name === name)!;
}

/** Names of types that are known and not read, so that a refusal can name them. */
const otherTypes: Readonly<Record<number, string>> = {
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

export function typeName(code: number): string {
  return typeOfCode(code)?.name ?? otherTypes[code] ?? `number ${code}`;
}
