// Multiplies what HADAMARD_AT(0 .. size - 1), in shared memory, holds by a Hadamard matrix (Sylvester's order, not
// normalised) for every `block` of it: the fast Walsh-Hadamard transform. `lanes` lanes work on it, each with a `lane`
// of its own; HADAMARD_SYNC waits for all of them. The includer has written the values and synchronised.
#ifndef HADAMARD_STORE
#define HADAMARD_STORE(i, value) HADAMARD_AT(i) = value
#endif
void hadamard(uint size, uint block, uint lane, uint lanes) {
  for (uint step = 1u; step < block; step <<= 1) {
    for (uint i = lane; i < size / 2u; i += lanes) {
      const uint at = 2u * i - (i & (step - 1u));
      const HADAMARD_VALUE a = HADAMARD_AT(at), b = HADAMARD_AT(at + step);
      HADAMARD_STORE(at, a + b);
      HADAMARD_STORE(at + step, a - b);
    }
    HADAMARD_SYNC();
  }
}
