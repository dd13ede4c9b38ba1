/**
 * In the executable, in the place of the package of this name, which yargs uses to lay out help. Ours is all Latin text,
 * one column a character; the package would load tables of emoji and ICU's segmenter at every start.
 */
export default function stringWidth(text: string): number {
  return [...text].length;
}
