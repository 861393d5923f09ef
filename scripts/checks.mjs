// Checks that run one after the other, with a line for each.

/** Runs checks by their names; what one returns is said with its name. Resolves with { passed, failed }. */
export async function runChecks(checks) {
  let [passed, failed] = [0, 0];
  for (const [name, check] of checks) {
    try {
      const note = await check();
      passed++;
      console.log(`ok    ${name}${note ? `: ${note}` : ''}`);
    } catch (error) {
      failed++;
      console.log(`FAIL  ${name}: ${error.message}`);
    }
  }
  return { passed, failed };
}
