export function Plant() {
  return <h1>Plant</h1>;
}
