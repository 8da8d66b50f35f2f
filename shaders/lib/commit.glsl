// By their bits: compilers may take isnan() for false.
bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }
float nan_as_infinity(float x) {
  return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u ? uintBitsToFloat(0x7f800000u) : x;
}
float minus_infinity() { return uintBitsToFloat(0xff800000u); }

// Commits the token drawn for row i of the logits, or kTokenNotFinite: the token log, the next step's row and decode
// attention's group count. Called by one lane. The includer declares the buffers step_rows, next_rows, token_log,
// attention_arguments and samplers.
void commit_token(CommitPush c, uint i, uint token) {
  const StepRow row = step_rows[c.source_row + i];
  if (row.live == 0u) return;
  const uint position = row.position + 1u;
  if (position >= c.log_stride) return;
  token_log[row.slot * c.log_stride + position] = token;
  bool stop = token == kTokenNotFinite;
  for (uint s = 0u; s < samplers[row.slot].stop_count; ++s) stop = stop || samplers[row.slot].stop_tokens[s] == token;
  next_rows[c.target_row + i] = StepRow(token, position, row.slot, stop ? 0u : 1u, row.turn, 0u);
  atomicMax(attention_arguments[2], position / c.tokens_per_split + 1u);
}
